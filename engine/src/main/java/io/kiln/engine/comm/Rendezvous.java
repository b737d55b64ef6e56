package io.kiln.engine.comm;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Where ranks find each other and choose what they exchange through. */
public final class Rendezvous {
  /** What a rank deposits at a time: half a core's second-level cache. */
  static final int SLOT_BYTES = 512 << 10;

  /** Slots a rank: what may have left and not yet arrived, 16 MiB. */
  static final int SLOTS = 32;

  private Rendezvous() {}

  /**
   * Communicators for ranks that are threads of this JVM.
   *
   * @param timeout how long a wait may see nothing move
   */
  public static List<Communicator> local(int size, Duration timeout) {
    return local(size, timeout, SLOT_BYTES, SLOTS);
  }

  static List<Communicator> local(int size, Duration timeout, int slotBytes, int slots) {
    if (size == 1) {
      return List.of(new SoloCommunicator());
    }
    List<SharedMemoryCommunicator> ranks = new ArrayList<>();
    try {
      SharedSegment first = SharedSegment.create(directories(), size, slotBytes, slots);
      ranks.add(new SharedMemoryCommunicator(first, 0, timeout));
      for (int r = 1; r < size; r++) {
        SharedSegment own = SharedSegment.open(first.address());
        ranks.add(new SharedMemoryCommunicator(own, r, timeout));
      }
      ranks.forEach(SharedMemoryCommunicator::awaitPeers);
      return List.copyOf(ranks);
    } catch (IOException e) {
      ranks.forEach(Communicator::close);
      throw new CommunicationException("no shared memory for " + size + " local ranks: " + e, e);
    }
  }

  private static List<Path> directories() {
    return List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir")));
  }
}
