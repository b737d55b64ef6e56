package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class RendezvousTest {
  @Test
  void a_rank_that_is_told_to_end_does_not_wait_for_those_who_never_come() {
    AtomicBoolean ended = new AtomicBoolean();
    try (StoreServer server = StoreServer.open("127.0.0.1")) {
      Membership alone =
          new Membership(0, 2, "127.0.0.1", server.address(), "test/0", Duration.ofMinutes(10));
      new Thread(
              () -> {
                try {
                  Thread.sleep(300);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
                ended.set(true);
              })
          .start();
      CommunicationException thrown =
          assertTimeoutPreemptively(
              Duration.ofSeconds(20),
              () ->
                  assertThrows(
                      CommunicationException.class,
                      () -> Rendezvous.join(alone, Transport.AUTOMATIC, ended::get)));
      assertTrue(thrown.getMessage().contains("the job is ending"), thrown::getMessage);
      assertFalse(thrown.getMessage().contains("600"), thrown::getMessage);
    }
  }

  @Test
  void a_store_that_ends_while_ranks_meet_is_told_without_a_time_that_has_not_passed()
      throws Exception {
    StoreServer server = StoreServer.open("127.0.0.1");
    Membership alone =
        new Membership(1, 3, "127.0.0.1", server.address(), "test/0", Duration.ofMinutes(10));
    CompletableFuture<Communicator> joining =
        CompletableFuture.supplyAsync(() -> Rendezvous.join(alone, Transport.AUTOMATIC));
    try (KeyStore looking =
        new KeyStore(server.address(), "test/0", Duration.ofSeconds(20), () -> false)) {
      looking.get("host/1", "");
    }
    server.close();
    Throwable thrown =
        assertThrows(ExecutionException.class, () -> joining.get(20, TimeUnit.SECONDS)).getCause();
    assertInstanceOf(CommunicationException.class, thrown);
    assertTrue(
        thrown
            .getMessage()
            .startsWith("rank 1: the store of rank 0 does not answer, while rank 0 was waited for"),
        thrown::getMessage);
    assertFalse(thrown.getMessage().contains("600"), thrown::getMessage);
  }

  @Test
  void a_store_that_ends_before_a_rank_can_say_anything_is_a_peers_end() {
    StoreServer server = StoreServer.open("127.0.0.1");
    try (KeyStore store =
        new KeyStore(server.address(), "test/0", Duration.ofSeconds(20), () -> false)) {
      server.close();
      CommunicationException thrown =
          assertThrows(
              CommunicationException.class,
              () -> {
                // What was sent last may still have been taken.
                store.set("a", "b");
                store.set("a", "b");
                store.set("a", "b");
              });
      assertTrue(
          thrown.getMessage().startsWith("the store of rank 0 does not answer"),
          thrown::getMessage);
    }
  }

  @Test
  void a_store_whose_process_has_died_is_not_waited_for() {
    String address;
    try (StoreServer server = StoreServer.open("127.0.0.1")) {
      address = server.address();
    }
    Membership late = new Membership(1, 2, "127.0.0.1", address, "test/0", Duration.ofMinutes(10));
    CommunicationException thrown =
        assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () ->
                assertThrows(
                    CommunicationException.class,
                    () -> Rendezvous.join(late, Transport.AUTOMATIC)));
    assertTrue(
        thrown.getMessage().startsWith("the store of rank 0 at " + address + " does not answer"),
        thrown::getMessage);
  }

  @Test
  void a_rank_that_never_comes_is_named_in_time() {
    try (StoreServer server = StoreServer.open("127.0.0.1")) {
      Membership alone =
          new Membership(0, 2, "127.0.0.1", server.address(), "test/0", Duration.ofMillis(200));
      CommunicationException thrown =
          assertThrows(
              CommunicationException.class, () -> Rendezvous.join(alone, Transport.AUTOMATIC));
      assertTrue(
          thrown.getMessage().contains("rank 1 did not come to the rendezvous"),
          thrown::getMessage);
    }
  }
}
