package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code bin/kiln bench checkpoint} runs and leaves nothing; what it measures is not asked here.
 */
class CheckpointBenchmarkTest {
  @TempDir Path folder;

  @Test
  void every_figure_is_printed_and_no_file_is_left() throws Exception {
    Path store = Files.createDirectory(folder.resolve("store"));
    KilnRun run =
        KilnRun.ended(
            folder,
            "bench",
            "checkpoint",
            "--dir=" + store,
            "--shape=nano",
            "--dtype=fp32",
            "--stage=3",
            "--every=2",
            "--repetitions=1",
            "--below=101");
    assertEquals(0, run.status(), run.said());
    for (String figure :
        List.of(
            "fp32 stage 3: ",
            "wait for checkpoints ",
            "slow-down, writing included ",
            "a border without one ",
            "write ",
            "copy in ",
            "copy in, not synced ",
            "read ",
            "copy out ",
            "verdict: fp32 stage 3: good: ")) {
      assertTrue(run.out().contains(figure), () -> figure + " is not in " + run.said());
    }
    assertTrue(!run.out().contains("NaN"), run::out);
    try (Stream<Path> left = Files.list(store)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void an_unknown_shape_and_a_store_that_is_none_are_one_line() throws Exception {
    KilnRun shape = KilnRun.ended(folder, "bench", "checkpoint", "--shape=tiny");
    assertEquals(2, shape.status(), shape.said());
    assertTrue(shape.err().startsWith("kiln: "), shape::said);
    assertTrue(shape.err().contains("no shape tiny"), shape::said);
    assertEquals(1, shape.err().lines().count(), shape::said);

    KilnRun store = KilnRun.ended(folder, "bench", "checkpoint", "--dir=nosuch://host/path");
    assertEquals(1, store.status(), store.said());
    assertTrue(store.err().contains("kiln: nosuch://host/path"), store::said);
  }
}
