package io.kiln.spark;

import io.kiln.spark.barrier.BarrierJob;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.job.Job;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

public final class TrainingApplication {
  public static void main(String[] arguments) {
    Job job = Job.read(Path.of(arguments[0]), List.of());
    SparkSession session = SparkSession.builder().getOrCreate();
    JavaSparkContext spark = new JavaSparkContext(session.sparkContext());
    System.out.println("session");
    System.out.println(
        BarrierJob.run(
            spark,
            spark.parallelize(List.of(1, 2), 2),
            (context, part) -> {
              context.at("x", 1);
              return context.rank()
                  + " "
                  + context.allGather(RankPid.pid())
                  + System.getenv("OMP_NUM_THREADS");
            },
            new RunListener() {}));
    session.stop();
  }

  static final class RankPid {
    static String pid() {
      return "" + ProcessHandle.current().pid();
    }
  }
}
