package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.it.chaos.Curve;
import io.kiln.it.chaos.RunProcesses;
import io.kiln.it.chaos.WatchedRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.hdfs.protocol.OpenFileEntry;
import org.apache.hadoop.hdfs.protocol.OpenFilesIterator.OpenFilesType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose checkpoints lie on HDFS and S3, stopped and begun again by the same command. */
class DurableRunTest {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  private static final int SIGTERM_STATUS = 128 + 15;
  private static final int INTERVAL = 10;
  private static final int STEPS = 120;

  @TempDir static Path folder;
  private static Path job;
  private static Curve undisturbed;

  /** Something that befalls the store while a checkpoint is written. */
  private interface Mishap {
    void happen(WatchedRun run) throws Exception;
  }

  @BeforeAll
  static void trainUndisturbed() throws Exception {
    job = TinyJob.in(folder).file();
    Path output = folder.resolve("undisturbed");
    // As threads of one process: the same bits.
    try (WatchedRun run = start(output, Map.of("spark.master", "local[2]"))) {
      run.awaitSuccess(LONGEST);
    }
    undisturbed = Curve.of(output);
    assertTrue(undisturbed.isWhole(STEPS));
  }

  private static WatchedRun start(Path output, Map<String, String> settings) throws Exception {
    List<String> overrides = new ArrayList<>();
    overrides.add("training.max_steps=" + STEPS);
    overrides.add("training.checkpoint_interval=" + INTERVAL);
    overrides.add("training.eval_steps=1");
    settings.forEach((key, value) -> overrides.add(key + "=" + value));
    return WatchedRun.start(KilnRun.ROOT, job, overrides, output, Map.of());
  }

  /** Trains, meets with a mishap, is told to end, and goes on. */
  private static void trainInTwoParts(Path output, Map<String, String> settings, Mishap mishap)
      throws Exception {
    long stopped;
    try (WatchedRun run = start(output, settings)) {
      run.story().await("some steps", LONGEST, s -> s.step() >= 20);
      mishap.happen(run);
      long reached = run.story().step();
      run.story().await("more steps", LONGEST, s -> s.step() >= Math.min(reached + 5, STEPS / 2));
      run.terminate();
      assertEquals(SIGTERM_STATUS, run.await(LONGEST), run.story().text());
      stopped = run.story().step();
      assertTrue(stopped < STEPS, "the signal came too late: " + run.story().text());
      assertTrue(run.errors().contains("the same command goes on"), run.errors());
    }
    KilnRun.awaitGone("no process", () -> RunProcesses.all(output).isEmpty());
    try (WatchedRun run = start(output, settings)) {
      run.awaitSuccess(LONGEST);
      long resumed = run.story().resumedAfter().orElseThrow();
      // What had been trained when it was told to end was saved before it did.
      assertTrue(resumed >= stopped, resumed + " after " + stopped);
    }
    assertEquals(0, undisturbed.differences(Curve.of(output)));
    assertEquals(
        -1,
        Files.mismatch(
            folder.resolve("undisturbed/model.safetensors"), output.resolve("model.safetensors")));
  }

  @Test
  void on_hdfs_with_a_datanode_that_dies_in_a_write() throws Exception {
    try (HdfsCluster hdfs = HdfsCluster.start(folder.resolve("hdfs"), 2)) {
      FileSystem files = hdfs.files();
      org.apache.hadoop.fs.Path checkpoints =
          new org.apache.hadoop.fs.Path(hdfs.uri() + "/runs/checkpoints");
      trainInTwoParts(
          folder.resolve("on-hdfs"),
          Map.of(
              "training.checkpoint_dir",
              checkpoints.toString(),
              "spark.conf.spark.hadoop.dfs.replication",
              "2"),
          run -> killInWrite(hdfs, checkpoints, run));
      List<String> left =
          Arrays.stream(files.listStatus(checkpoints)).map(f -> f.getPath().getName()).toList();
      assertEquals(
          List.of("global_step" + (STEPS - INTERVAL), "global_step" + STEPS, "latest"), left);
    }
  }

  /**
   * Ends a datanode while a shard is written to it: the writers are held until it is gone, so that
   * the write cannot end before.
   */
  private static void killInWrite(
      HdfsCluster hdfs, org.apache.hadoop.fs.Path checkpoints, WatchedRun run) throws Exception {
    List<ProcessHandle> writers = run.executors();
    long end = System.nanoTime() + LONGEST.toNanos();
    List<String> written = List.of();
    while (written.isEmpty()) {
      assertTrue(System.nanoTime() < end, "no write was caught: " + run.story().text());
      Thread.sleep(1);
      if (shardsInWriting(hdfs, checkpoints).isEmpty()) {
        continue;
      }
      for (ProcessHandle writer : writers) {
        RunProcesses.freeze(writer);
      }
      written = shardsInWriting(hdfs, checkpoints);
      if (written.isEmpty()) {
        thaw(writers);
      }
    }
    hdfs.killDatanode(0);
    assertEquals(written, shardsInWriting(hdfs, checkpoints));
    thaw(writers);
  }

  private static void thaw(List<ProcessHandle> processes) throws Exception {
    for (ProcessHandle process : processes) {
      RunProcesses.thaw(process);
    }
  }

  /** Files of a draft that are begun and not closed. */
  private static List<String> shardsInWriting(
      HdfsCluster hdfs, org.apache.hadoop.fs.Path checkpoints) throws IOException {
    List<String> paths = new ArrayList<>();
    RemoteIterator<OpenFileEntry> open =
        hdfs.files()
            .listOpenFiles(EnumSet.of(OpenFilesType.ALL_OPEN_FILES), checkpoints.toUri().getPath());
    while (open.hasNext()) {
      String path = open.next().getFilePath();
      if (path.contains("/.global_step") && path.endsWith(".safetensors")) {
        paths.add(path);
      }
    }
    return paths;
  }

  @Test
  void on_s3_that_stops_in_a_write_and_starts_again() throws Exception {
    try (S3Server s3 = S3Server.start(folder.resolve("s3"))) {
      Map<String, String> settings = new TreeMap<>();
      settings.put("training.checkpoint_dir", s3.uri() + "/runs/checkpoints");
      s3.settings().forEach((key, value) -> settings.put("spark.conf.spark.hadoop." + key, value));
      trainInTwoParts(
          folder.resolve("on-s3"),
          settings,
          run -> {
            s3.stop();
            // The next one is due and this one is not written.
            run.story()
                .await(
                    "the training waits",
                    LONGEST,
                    s -> s.text().contains("waiting for the checkpoint"));
            s3.restart();
          });
      try (Stream<Path> objects = Files.list(s3.objects().resolve("runs/checkpoints"))) {
        List<String> left = objects.map(f -> f.getFileName().toString()).sorted().toList();
        assertEquals(
            List.of("global_step" + (STEPS - INTERVAL), "global_step" + STEPS, "latest"), left);
      }
    }
  }
}
