package io.kiln.engine.comm;

import static io.kiln.engine.comm.PlainValues.tensor;
import static io.kiln.engine.comm.Transport.AUTOMATIC;
import static io.kiln.engine.comm.Transport.SHARED_MEMORY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.tensor.PointerBalance;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Every wait ends, and says who is to blame. */
@Timeout(60)
class FaultsTest {
  private static final Duration LONG = Duration.ofSeconds(50);

  private final StoreServer store = StoreServer.open("127.0.0.1");

  @AfterEach
  void closeStore() {
    store.close();
  }

  private List<Communicator> group(int size, Transport transport, Duration timeout) {
    return Ranks.join(store, size, transport, timeout);
  }

  private List<Communicator> placed(String placement, Duration timeout) {
    return Ranks.placed(store, placement, timeout, Rendezvous.SLOT_BYTES, Rendezvous.SLOTS);
  }

  private static void assertDead(Communicator c, String reason) {
    Tensor tensor = tensor(1, 2);
    CommunicationException e =
        assertThrows(CommunicationException.class, () -> c.allReduce(tensor).await());
    assertTrue(e.getMessage().contains("dead") && e.getMessage().contains(reason), e.getMessage());
    assertThrows(CommunicationException.class, c::barrier);
    assertThrows(CommunicationException.class, () -> c.sum(1));
    assertThrows(CommunicationException.class, c::checkUsable);
  }

  @ParameterizedTest
  @EnumSource(names = {"SHARED_MEMORY", "SOCKETS"})
  void a_silent_rank_ends_the_wait_at_the_deadline(Transport transport) throws Exception {
    List<Communicator> group = group(2, transport, Duration.ofMillis(700));
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == 0) {
                try {
                  c.allReduce(tensor(1, 2, 3)).await();
                } catch (CommunicationException e) {
                  assertDead(c, "no answer from rank 1");
                  throw e;
                }
              }
              return null;
            });
    String message = failures.get(0);
    assertTrue(message.startsWith("rank 0: "), message);
    assertTrue(
        message.contains("no answer from rank 1 for 0.7 s in all-reduce of 12 bytes"), message);
    assertTrue(group.get(0).waitNanos() >= 600_000_000, "the wait was counted");
    group.forEach(Communicator::close);
  }

  @ParameterizedTest
  @EnumSource(names = {"SHARED_MEMORY", "SOCKETS"})
  void a_rank_that_gives_up_ends_the_others_with_its_reason(Transport transport) throws Exception {
    List<Communicator> group = group(3, transport, LONG);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == 1) {
                c.abort("the loss is not a number");
                assertDead(c, "the loss is not a number");
                c.close();
              } else {
                try {
                  c.allReduce(tensor(new float[1000])).await();
                } catch (CommunicationException e) {
                  assertDead(c, "the loss is not a number");
                  throw e;
                }
              }
              return null;
            });
    for (int r : new int[] {0, 2}) {
      assertTrue(
          failures.get(r).contains("rank 1 aborted: the loss is not a number"), failures.get(r));
    }
    group.forEach(Communicator::close);
  }

  @ParameterizedTest
  @EnumSource(names = {"SHARED_MEMORY", "SOCKETS"})
  void another_thread_may_end_a_wait(Transport transport) throws Exception {
    List<Communicator> group = group(2, transport, LONG);
    CountDownLatch waiting = new CountDownLatch(1);
    Thread watcher =
        new Thread(
            () -> {
              try {
                waiting.await();
                Thread.sleep(50);
              } catch (InterruptedException e) {
                return;
              }
              group.get(0).abort("the task was killed");
            });
    watcher.start();
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == 0) {
                Pending pending = c.allReduce(tensor(1));
                waiting.countDown();
                pending.await();
              }
              return null;
            });
    watcher.join();
    assertTrue(failures.get(0).contains("the task was killed"), failures.get(0));
    group.forEach(Communicator::close);
  }

  @ParameterizedTest
  @EnumSource(names = {"SHARED_MEMORY", "SOCKETS"})
  void a_rank_that_has_closed_is_named(Transport transport) throws Exception {
    List<Communicator> group = group(2, transport, LONG);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              c.barrier();
              if (c.rank() == 1) {
                c.close();
              } else {
                c.allGather(tensor(1), tensor(1, 2)).await();
              }
              return null;
            });
    assertEquals("none", failures.get(1));
    assertTrue(failures.get(0).contains("rank 1"), failures.get(0));
    assertTrue(failures.get(0).contains("all-gather of 8 bytes"), failures.get(0));
    assertFalse(failures.get(0).contains("no answer"), "not by the deadline");
    group.forEach(Communicator::close);
  }

  /** The silent rank, first on a host with others, then on one of its own. */
  @ParameterizedTest
  @CsvSource({"aba, 2", "aba, 1", "aabb, 3"})
  void across_hosts_a_silent_rank_ends_the_wait_of_all(String placement, int silent)
      throws Exception {
    List<Communicator> group = placed(placement, Duration.ofMillis(700));
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() != silent) {
                try {
                  c.allReduce(tensor(1, 2, 3)).await();
                } catch (CommunicationException e) {
                  assertDead(c, "rank " + silent);
                  throw e;
                }
              }
              return null;
            });
    for (int r = 0; r < placement.length(); r++) {
      if (r != silent) {
        String message = failures.get(r);
        assertTrue(message.startsWith("rank " + r + ": "), message);
        assertTrue(message.contains("no answer from rank " + silent + " for 0.7 s"), message);
      }
    }
    group.forEach(Communicator::close);
  }

  @ParameterizedTest
  @CsvSource({"aba, 0", "aba, 1", "aabb, 1"})
  void across_hosts_a_rank_that_gives_up_ends_all_with_its_reason(String placement, int quitter)
      throws Exception {
    List<Communicator> group = placed(placement, LONG);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == quitter) {
                c.abort("the loss is not a number");
                c.close();
              } else {
                c.allReduce(tensor(new float[300_000])).await();
              }
              return null;
            });
    for (int r = 0; r < placement.length(); r++) {
      if (r != quitter) {
        String reason = "rank " + quitter + " aborted: the loss is not a number";
        assertTrue(failures.get(r).contains(reason), failures.get(r));
      }
    }
    group.forEach(Communicator::close);
  }

  @ParameterizedTest
  @CsvSource({"aba, 0", "aba, 1", "aabb, 2"})
  void across_hosts_a_rank_that_has_closed_is_named(String placement, int leaver) throws Exception {
    List<Communicator> group = placed(placement, LONG);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              c.barrier();
              if (c.rank() == leaver) {
                c.close();
              } else {
                c.allReduce(tensor(new float[300_000])).await();
              }
              return null;
            });
    for (int r = 0; r < placement.length(); r++) {
      if (r != leaver) {
        assertTrue(failures.get(r).contains("rank " + leaver + " "), failures.get(r));
        assertFalse(failures.get(r).contains("no answer"), "not by the deadline");
      }
    }
    group.forEach(Communicator::close);
  }

  /** Once while it waits for a peer of its host, once for one elsewhere. */
  @ParameterizedTest
  @CsvSource({"aba, 2", "aba, 1"})
  void across_hosts_another_thread_may_end_a_wait(String placement, int silent) throws Exception {
    List<Communicator> group = placed(placement, LONG);
    CountDownLatch waiting = new CountDownLatch(2);
    Thread watcher =
        new Thread(
            () -> {
              try {
                waiting.await();
                Thread.sleep(100);
              } catch (InterruptedException e) {
                return;
              }
              group.get(0).abort("the task was killed");
            });
    watcher.start();
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() != silent) {
                Pending pending = c.allReduce(tensor(1));
                waiting.countDown();
                if (c.rank() == 0) {
                  pending.await();
                }
              }
              return null;
            });
    watcher.join();
    assertTrue(failures.get(0).contains("the task was killed"), failures.get(0));
    assertFalse(failures.get(0).contains("no answer"), "not by the deadline");
    group.forEach(Communicator::close);
  }

  @Test
  void across_hosts_shared_memory_alone_is_refused() {
    List<String> refusals =
        Ranks.each(
            2,
            r ->
                assertThrows(
                        CommunicationException.class,
                        () ->
                            Rendezvous.join(
                                new Membership(
                                    r,
                                    2,
                                    Ranks.host((char) ('a' + r)),
                                    store.address(),
                                    "apart/0",
                                    LONG),
                                SHARED_MEMORY))
                    .getMessage());
    assertTrue(refusals.get(0).contains("rank 1 is on another host"), refusals.get(0));
  }

  @Test
  void a_group_that_cannot_be_made_leaves_no_native_memory() {
    PointerBalance.assertKept(
        () -> assertThrows(NullPointerException.class, () -> Rendezvous.local(2, null)));
  }

  @Test
  void what_a_rank_sent_before_it_closed_still_arrives() throws Exception {
    List<Communicator> group = Rendezvous.local(2, LONG);
    CountDownLatch closed = new CountDownLatch(1);
    Ranks.run(
        group,
        c -> {
          Tensor tensor = tensor(c.rank() + 1);
          c.broadcast(tensor, 1).await();
          if (c.rank() == 1) {
            c.close();
            closed.countDown();
          } else {
            closed.await();
          }
          assertEquals(2, tensor.data_ptr_float().get());
          return null;
        });
    group.forEach(Communicator::close);
  }

  /** All ranks find the same fault after a collective: each is to tell of it itself. */
  @Test
  void what_a_rank_sent_before_it_failed_still_arrives() throws Exception {
    for (int round = 0; round < 50; round++) {
      List<Communicator> group = Rendezvous.local(2, LONG);
      List<String> failures =
          Ranks.failures(
              group,
              c -> {
                Pending pending = c.allReduce(tensor(c.rank() + 1));
                pending.await();
                c.abort("found on rank " + c.rank());
                c.close();
                return null;
              });
      assertEquals(List.of("none", "none"), failures);
      group.forEach(Communicator::close);
    }
  }

  @Test
  void ranks_that_run_different_collectives_are_told_so() throws Exception {
    List<Communicator> group = Rendezvous.local(2, LONG);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == 0) {
                c.allReduce(tensor(1, 2)).await();
              } else {
                c.allGather(tensor(1), tensor(1, 2)).await();
              }
              return null;
            });
    String both = String.join("; ", failures);
    assertTrue(both.contains("all-reduce of 8 bytes"), both);
    assertTrue(both.contains("all-gather of 8 bytes"), both);
    assertTrue(both.contains("same collectives in the same order"), both);
    group.forEach(Communicator::close);
  }

  @Test
  void an_interrupted_rank_ends_and_tells_the_others() throws Exception {
    List<Communicator> group = Rendezvous.local(2, LONG);
    CountDownLatch failed = new CountDownLatch(1);
    List<String> failures =
        Ranks.failures(
            group,
            c -> {
              if (c.rank() == 1) {
                Thread.currentThread().interrupt();
                try {
                  c.barrier();
                } finally {
                  failed.countDown();
                }
              }
              failed.await();
              c.barrier();
              c.barrier();
              return null;
            });
    failures.forEach(f -> assertTrue(f.contains("rank 1 was interrupted"), f));
    group.forEach(Communicator::close);
  }

  @Test
  void a_rank_that_never_comes_is_named() {
    Membership alone =
        new Membership(0, 2, "127.0.0.1", store.address(), "alone/0", Duration.ofMillis(500));
    CommunicationException e =
        assertThrows(
            CommunicationException.class, () -> Rendezvous.join(alone, Transport.AUTOMATIC));
    assertTrue(e.getMessage().contains("rank 1 did not come"), e.getMessage());
  }

  @Test
  void a_store_that_nobody_opened_is_told_in_one_line() {
    Membership lost =
        new Membership(1, 2, "127.0.0.1", "127.0.0.1:1", "lost/0", Duration.ofMillis(500));
    CommunicationException e =
        assertThrows(
            CommunicationException.class, () -> Rendezvous.join(lost, Transport.AUTOMATIC));
    assertTrue(e.getMessage().startsWith("the store of rank 0 at 127.0.0.1:1 does not answer"));
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void without_a_place_for_the_shared_file_ranks_take_sockets_or_say_why() throws Exception {
    List<Path> nowhere = List.of(Path.of("/nowhere"));
    List<Communicator> group =
        Ranks.each(2, r -> Rendezvous.join(membership(r, "automatic"), AUTOMATIC, nowhere));
    group.forEach(c -> assertEquals(GlooCommunicator.class, c.getClass()));
    group.forEach(Communicator::close);
    List<String> refusals =
        Ranks.each(
            2,
            r ->
                assertThrows(
                        CommunicationException.class,
                        () -> Rendezvous.join(membership(r, "shared"), SHARED_MEMORY, nowhere))
                    .getMessage());
    for (int r = 0; r < 2; r++) {
      assertTrue(refusals.get(r).startsWith("rank " + r + ": no shared memory: rank 0: no place"));
      assertTrue(refusals.get(r).contains("/nowhere"), refusals.get(r));
    }
  }

  private Membership membership(int rank, String prefix) {
    return new Membership(rank, 2, "127.0.0.1", store.address(), prefix, LONG);
  }
}
