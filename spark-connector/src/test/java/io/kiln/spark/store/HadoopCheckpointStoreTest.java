package io.kiln.spark.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What needs no server; the stores themselves are tested against real ones in {@code it}. */
class HadoopCheckpointStoreTest {
  @TempDir Path folder;

  @Test
  void a_local_folder_is_the_engines_own_store() throws IOException {
    for (String path : new String[] {folder.toString(), folder.toUri().toString()}) {
      try (CheckpointStore store = HadoopCheckpointStore.of(path, new Configuration())) {
        assertInstanceOf(LocalCheckpointStore.class, store);
        assertEquals(folder.toString(), store.location());
      }
    }
  }

  @Test
  void a_path_without_a_scheme_lies_on_the_default_file_system() throws IOException {
    Configuration cluster = new Configuration();
    cluster.set("fs.defaultFS", "hdfs://127.0.0.1:8020");
    try (CheckpointStore store = HadoopCheckpointStore.of("/checkpoints", cluster)) {
      assertEquals("hdfs://127.0.0.1:8020/checkpoints", store.location());
      assertEquals(".global_step5.one", store.draft("global_step5", "one"));
    }
  }

  @Test
  void on_an_object_store_a_draft_is_the_checkpoints_own_folder() throws IOException {
    Configuration keys = new Configuration();
    keys.set("fs.s3a.endpoint.region", "us-east-1");
    try (CheckpointStore store = HadoopCheckpointStore.of("s3a://bucket/checkpoints", keys)) {
      assertEquals("s3a://bucket/checkpoints", store.location());
      assertEquals("global_step5", store.draft("global_step5", "one"));
    }
  }

  @Test
  void a_path_that_leads_nowhere_is_told_in_a_line() {
    for (String path : new String[] {"s4://bucket/x", "hdfs://no-such-host.invalid:1/x", ""}) {
      IOException error =
          assertThrows(
              IOException.class, () -> HadoopCheckpointStore.of(path, new Configuration()));
      assertEquals(1, error.getMessage().lines().count(), error.getMessage());
      assertTrue(error.getMessage().contains("cannot be used: "), error.getMessage());
    }
  }
}
