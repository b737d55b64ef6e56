package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.comm.SharedSegment.Presence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedSegmentTest {
  @TempDir private Path directory;

  private long files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.count();
    }
  }

  @Test
  void the_file_has_no_name_from_the_first_moment_and_can_be_opened_all_the_same()
      throws IOException {
    SharedSegment made = SharedSegment.create(List.of(directory), 2, 4096, 4);
    assertEquals(0, files());
    SharedSegment opened = SharedSegment.open(made.address());
    made.ring(1).putDouble(100, 0.5);
    made.deposited(1, 7);
    assertEquals(7, opened.deposited(1));
    assertEquals(0.5, opened.ring(1).getDouble(100));
    assertEquals(0, opened.ring(0).getDouble(100));
    made.close();
    opened.close();
  }

  @Test
  void a_directory_without_room_gives_way_to_the_next() throws IOException {
    Path missing = directory.resolve("missing");
    SharedSegment made = SharedSegment.create(List.of(missing, directory), 2, 4096, 4);
    assertEquals(4, made.slots());
    made.close();
  }

  @Test
  void rings_are_smaller_where_room_is_short() {
    int slot = 512 << 10;
    long mebibyte = 1 << 20;
    // A container's usual 64 MiB of /dev/shm, four fifths of it, halved: 51 slots of half a MiB.
    assertEquals(32, SharedSegment.fitting(64 * mebibyte, 2, slot, 32));
    assertEquals(51, SharedSegment.fitting(64 * mebibyte, 2, slot, 100));
    assertEquals(12, SharedSegment.fitting(16 * mebibyte, 2, slot, 32));
    assertEquals(0, SharedSegment.fitting(mebibyte, 2, slot, 32));
    assertEquals(0, SharedSegment.fitting(0, 2, slot, 32));
  }

  @Test
  void no_room_anywhere_is_told_with_every_directory() throws IOException {
    long room = Files.getFileStore(directory).getUsableSpace();
    int slotBytes = (int) Math.min(1 << 30, room / 64 / 4096 * 4096);
    int ranks = (int) (room / slotBytes / 4 + 1);
    Path missing = directory.resolve("missing");
    IOException refused =
        assertThrows(
            IOException.class,
            () -> SharedSegment.create(List.of(missing, directory), ranks, slotBytes, 8));
    assertTrue(refused.getMessage().contains(directory + " has "), refused.getMessage());
    assertTrue(refused.getMessage().contains(missing.toString()), refused.getMessage());
    assertEquals(0, files());
  }

  @Test
  void an_address_that_now_leads_elsewhere_is_refused() throws IOException {
    SharedSegment made = SharedSegment.create(List.of(directory), 2, 4096, 4);
    String address = made.address();
    assertThrows(
        IOException.class,
        () -> SharedSegment.open(address.substring(0, address.indexOf('#')) + "#0"));
    made.close();
    assertThrows(IOException.class, () -> SharedSegment.open(address));
  }

  @Test
  void a_failure_keeps_its_first_reason_and_is_not_covered_by_leaving() throws IOException {
    SharedSegment made = SharedSegment.create(List.of(directory), 2, 4096, 4);
    assertEquals(Presence.ABSENT, made.presence(1));
    made.join(1, PeerProcess.self());
    assertEquals(Presence.JOINED, made.presence(1));
    made.fail(1, "é".repeat(1000));
    made.fail(1, "later");
    made.leave(1);
    assertEquals(Presence.FAILED, made.presence(1));
    assertTrue(made.reason(1).startsWith("éé"), "cut, not lost");
    made.close();
  }

  @Test
  void a_process_is_alive_while_it_runs_and_not_after() throws Exception {
    assertTrue(PeerProcess.self().alive());
    PeerProcess self = PeerProcess.self();
    assertTrue(!new PeerProcess(self.pid(), self.startTicks() + 1).alive(), "a later namesake");
    Process other = new ProcessBuilder("sleep", "60").start();
    String stat = Files.readString(Path.of("/proc/" + other.pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    PeerProcess peer = new PeerProcess(other.pid(), Long.parseLong(fields[19]));
    assertTrue(peer.alive());
    other.destroyForcibly().waitFor();
    assertTrue(!peer.alive());
  }
}
