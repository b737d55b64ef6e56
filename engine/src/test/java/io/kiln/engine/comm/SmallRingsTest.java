package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;

/**
 * The same contract when nearly every message is larger than the rings: 4 slots of 4 KiB a rank.
 */
class SmallRingsTest extends CollectivesContract {
  @Override
  List<Communicator> group(int size) {
    return Rendezvous.local(size, Duration.ofSeconds(30), 4096, 4);
  }
}
