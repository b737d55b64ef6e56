package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.security.PrivilegedExceptionAction;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.security.UserGroupInformation;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on HDFS, and what befalls it. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HdfsStoreTest extends CheckpointStoreContract {
  @TempDir static java.nio.file.Path folder;
  private static HdfsCluster hdfs;

  @BeforeAll
  static void start() throws IOException {
    hdfs = HdfsCluster.start(folder, 2);
  }

  @AfterAll
  static void stop() {
    hdfs.close();
  }

  @Override
  CheckpointStore openStore(String folder) throws IOException {
    return HadoopCheckpointStore.of(hdfs.uri() + "/" + folder, hdfs.configuration());
  }

  private Path path(String relative) {
    return new Path(store.location(), relative);
  }

  @Test
  void a_draft_is_hidden_and_goes_whole_into_place() throws IOException {
    write("global_step5/old", "x");
    String draft = store.draft("global_step5", "two");
    write(draft + "/new", "y");
    assertEquals(List.of("old"), store.list("global_step5"));
    store.publish(draft, "global_step5");
    assertEquals(List.of("new"), store.list("global_step5"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void a_draft_that_is_not_there_leaves_the_older_checkpoint_in_place() throws IOException {
    write("global_step5/old", "x");
    IOException error =
        assertThrows(IOException.class, () -> store.publish(".global_step5.lost", "global_step5"));
    assertOneLine(error, store.location() + "/global_step5", "lost");
    assertEquals("x", read("global_step5/old"));
    assertEquals(List.of("global_step5"), store.list(""));
  }

  @Test
  void a_store_without_room_says_so_and_keeps_what_it_has() throws IOException {
    write("global_step5/manifest", "x");
    long room = 2L * 3 * HdfsCluster.BLOCK; // Three blocks, twice.
    hdfs.files().setQuota(new Path(store.location()), HdfsConstants.QUOTA_DONT_SET, room);
    byte[] content = noise(LARGE);
    String draft = store.draft("global_step6", "one");
    IOException error =
        assertThrows(
            IOException.class,
            () -> {
              try (OutputStream out = store.create(draft + "/shard")) {
                out.write(content);
              }
            });
    assertOneLine(error, store.location() + "/" + draft + "/shard", "no room");
    assertThrows(NoSuchFileException.class, () -> store.open(draft + "/shard"));
    assertEquals("x", read("global_step5/manifest"));
  }

  @Test
  void a_user_without_rights_is_told_so() throws Exception {
    hdfs.files().mkdirs(path("private"));
    hdfs.files().setPermission(path("private"), new FsPermission((short) 0700));
    String there = store.location() + "/private";
    IOException error =
        UserGroupInformation.createRemoteUser("somebody-else")
            .doAs(
                (PrivilegedExceptionAction<IOException>)
                    () -> {
                      try (CheckpointStore other =
                          HadoopCheckpointStore.of(there, hdfs.configuration())) {
                        assertThrows(IOException.class, () -> other.list(""));
                        return assertThrows(IOException.class, () -> other.create("a"));
                      }
                    });
    assertOneLine(error, there + "/a", "somebody-else");
  }

  @Test
  @Order(Integer.MAX_VALUE - 1)
  void a_namenode_that_is_gone_ends_a_write_with_a_line() throws Exception {
    Configuration impatient = hdfs.configuration();
    impatient.setInt("ipc.client.connect.max.retries", 1);
    try (CheckpointStore there = HadoopCheckpointStore.of(store.location(), impatient)) {
      write("global_step5/manifest", "x");
      hdfs.killNamenode();
      IOException error = assertThrows(IOException.class, () -> there.create("a"));
      assertOneLine(error, store.location() + "/a", "does not answer");
    } finally {
      hdfs.restartNamenode();
    }
    assertEquals("x", read("global_step5/manifest"));
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void a_write_goes_on_when_a_datanode_dies() throws IOException {
    byte[] content = noise(LARGE);
    int written = 6 << 20; // In the middle of the second block.
    String draft = store.draft("global_step5", "one");
    try (OutputStream out = store.create(draft + "/shard")) {
      out.write(content, 0, written);
      hdfs.killDatanode(0);
      out.write(content, written, content.length - written);
    }
    store.publish(draft, "global_step5");
    assertArrayEquals(content, readBytes("global_step5/shard"));
  }
}
