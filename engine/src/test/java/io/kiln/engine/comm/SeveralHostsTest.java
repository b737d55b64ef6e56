package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;

/** The contract where some ranks share a host: nearly all of their messages outgrow the rings. */
class SeveralHostsTest extends CollectivesContract {
  private static final List<String> PLACEMENTS = List.of("a", "ab", "aba", "aabb");

  @Override
  List<Communicator> group(int size) {
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      return Ranks.placed(store, PLACEMENTS.get(size - 1), Duration.ofSeconds(30), 4096, 4);
    }
  }
}
