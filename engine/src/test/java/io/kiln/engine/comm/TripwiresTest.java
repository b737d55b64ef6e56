package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TripwiresTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private static ProcessGroupGloo group(KeyStore store, int rank) {
    try (PointerScope scope = new PointerScope()) {
      ProcessGroupGloo.Options options =
          ProcessGroupGloo.Options.create(new Milliseconds(TIMEOUT.toMillis()));
      options.devices(new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname("127.0.0.1")));
      ProcessGroupGloo group = new ProcessGroupGloo(store.store(), rank, 2, options);
      group.retainReference();
      return group;
    }
  }

  @Test
  void a_connection_is_whole_until_the_peer_is_gone() throws Exception {
    try (StoreServer server = StoreServer.open("127.0.0.1")) {
      List<KeyStore> stores =
          Ranks.each(2, r -> new KeyStore(server.address(), "tripwires", TIMEOUT, () -> false));
      List<ProcessGroupGloo> groups = Ranks.each(2, r -> group(stores.get(r), r));
      try (Tripwires tripwires = new Tripwires(groups.get(0), 0, 2, TIMEOUT)) {
        for (int asked = 0; asked < 3; asked++) {
          assertEquals(Optional.empty(), tripwires.broken(1));
        }
        groups.get(1).releaseReference();
        Optional<RuntimeException> cause = tripwires.broken(1);
        while (cause.isEmpty()) {
          Thread.sleep(5);
          cause = tripwires.broken(1);
        }
        assertTrue(cause.get().getMessage().contains("Connection"), cause.get().getMessage());
        assertTrue(tripwires.broken(1).isPresent(), "and stays broken");
      }
      groups.get(0).releaseReference();
      stores.forEach(KeyStore::close);
    }
  }
}
