package io.kiln.engine.comm;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Where ranks find each other and choose what they exchange through.
 *
 * <p>Rank 0 opens a {@link StoreServer} and makes its address known; then every rank calls {@link
 * #join(Membership, Transport)}.
 */
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
    } catch (RuntimeException | Error e) {
      ranks.forEach(Communicator::close);
      throw e;
    }
  }

  /**
   * Joins a group; every rank calls it. Returns when all have joined.
   *
   * @param transport the same on every rank
   * @throws CommunicationException if that does not happen in time, with the rank that is missing
   */
  public static Communicator join(Membership membership, Transport transport) {
    return join(membership, transport, () -> false);
  }

  /**
   * The same for a rank that may be told to end while it waits for the others.
   *
   * @param ended asked while it waits
   */
  public static Communicator join(
      Membership membership, Transport transport, BooleanSupplier ended) {
    return join(membership, transport, ended, directories(), SLOT_BYTES, SLOTS);
  }

  /**
   * Joins a group.
   *
   * @param directories where the shared file may lie, best first (it has no name there, and leaves
   *     nothing behind): by default /dev/shm and the directory for temporary files
   */
  public static Communicator join(
      Membership membership, Transport transport, List<Path> directories) {
    return join(membership, transport, directories, SLOT_BYTES, SLOTS);
  }

  static Communicator join(
      Membership membership,
      Transport transport,
      List<Path> directories,
      int slotBytes,
      int slots) {
    return join(membership, transport, () -> false, directories, slotBytes, slots);
  }

  private static Communicator join(
      Membership membership,
      Transport transport,
      BooleanSupplier ended,
      List<Path> directories,
      int slotBytes,
      int slots) {
    if (membership.size() == 1 && transport != Transport.NCCL) {
      return new SoloCommunicator();
    }
    KeyStore store =
        new KeyStore(membership.store(), membership.prefix(), membership.timeout(), ended);
    try {
      if (transport == Transport.NCCL) {
        return NcclCommunicator.connect(store, membership);
      }
      if (transport == Transport.SOCKETS) {
        return sockets(store, membership, Optional.empty());
      }
      Introduction introduction = new Introduction(store, membership);
      List<Integer> neighbours = introduction.neighbours();
      boolean oneHost = neighbours.size() == membership.size();
      boolean shares = oneHost || (transport == Transport.AUTOMATIC && neighbours.size() > 1);
      Optional<SharedSegment> segment =
          shares
              ? introduction.segment(neighbours, directories, slotBytes, slots)
              : Optional.empty();
      if (segment.isPresent() && oneHost) {
        store.close();
        return sharedMemory(segment.get(), membership);
      }
      if (transport == Transport.SHARED_MEMORY) {
        throw new CommunicationException(
            "rank " + membership.rank() + ": no shared memory: " + introduction.obstacle());
      }
      return sockets(
          store,
          membership,
          segment.map(s -> HostLink.join(s, neighbours, membership.rank(), membership.timeout())));
    } catch (RuntimeException | Error e) {
      store.close();
      throw e;
    }
  }

  private static Communicator sockets(
      KeyStore store, Membership membership, Optional<HostLink> host) {
    GlooLink link;
    try {
      link = new GlooLink(store, membership);
    } catch (RuntimeException | Error e) {
      host.ifPresent(HostLink::close);
      throw e;
    }
    return new GlooCommunicator(new Routes(link, host));
  }

  private static Communicator sharedMemory(SharedSegment segment, Membership membership) {
    SharedMemoryCommunicator communicator =
        new SharedMemoryCommunicator(segment, membership.rank(), membership.timeout());
    try {
      communicator.awaitPeers();
      return communicator;
    } catch (RuntimeException | Error e) {
      communicator.close();
      throw e;
    }
  }

  private static List<Path> directories() {
    return List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir")));
  }
}
