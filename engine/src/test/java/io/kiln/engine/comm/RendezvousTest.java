package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
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
