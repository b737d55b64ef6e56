package io.kiln.spark.barrier;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tells a supervisor which ranks run, as Spark's scheduler sees it: a rank may be frozen before its
 * first word, and where none runs there is none to be heard.
 */
final class TaskWatch extends SparkListener {
  private static final String JOB_TAGS = "spark.job.tags";

  private final String tag;
  private final Supervisor supervisor;

  /** Attempts before the first one of a barrier stage. */
  private final Map<Integer, Integer> stages = new HashMap<>();

  /**
   * @param tag of the jobs whose barrier stage is watched
   */
  TaskWatch(String tag, Supervisor supervisor) {
    this.tag = tag;
    this.supervisor = supervisor;
  }

  @Override
  public void onStageSubmitted(SparkListenerStageSubmitted event) {
    String tags = event.properties().getProperty(JOB_TAGS, "");
    boolean barrier =
        CollectionConverters.asJava(event.stageInfo().rddInfos()).stream()
            .anyMatch(rdd -> rdd.isBarrier());
    if (barrier && tags.contains(tag)) {
      stages.putIfAbsent(event.stageInfo().stageId(), supervisor.earlierAttempts());
      supervisor.submitted(
          stages.get(event.stageInfo().stageId()) + event.stageInfo().attemptNumber(),
          event.stageInfo().numTasks());
    }
  }

  @Override
  public void onTaskStart(SparkListenerTaskStart event) {
    Integer earlier = stages.get(event.stageId());
    if (earlier != null) {
      supervisor.started(
          event.taskInfo().index(),
          earlier + event.stageAttemptId(),
          event.taskInfo().host(),
          event.taskInfo().executorId(),
          event.taskInfo().taskId());
    }
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd event) {
    Integer earlier = stages.get(event.stageId());
    if (earlier != null && event.taskInfo() != null) {
      supervisor.ended(event.taskInfo().index(), earlier + event.stageAttemptId());
    }
  }
}
