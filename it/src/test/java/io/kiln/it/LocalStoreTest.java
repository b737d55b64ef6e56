package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on this machine's files, by way of Hadoop's names for them. */
class LocalStoreTest extends CheckpointStoreContract {
  @TempDir Path root;

  @Override
  CheckpointStore openStore(String folder) throws IOException {
    return HadoopCheckpointStore.of(root.resolve(folder).toUri().toString(), new Configuration());
  }

  @Test
  void no_checksum_files_are_left_beside_the_files() throws IOException {
    write("a", "x");
    try (Stream<Path> all = Files.walk(root)) {
      assertEquals(
          List.of("a"),
          all.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).toList());
    }
  }
}
