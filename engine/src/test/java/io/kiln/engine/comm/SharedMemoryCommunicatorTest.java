package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;

class SharedMemoryCommunicatorTest extends CollectivesContract {
  @Override
  List<Communicator> group(int size) {
    return Rendezvous.local(size, Duration.ofSeconds(30), Rendezvous.SLOT_BYTES, 8);
  }
}
