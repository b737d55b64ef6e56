package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;

class GlooCommunicatorTest extends CollectivesContract {
  @Override
  List<Communicator> group(int size) {
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      return Ranks.join(store, size, Transport.SOCKETS, Duration.ofSeconds(30));
    }
  }
}
