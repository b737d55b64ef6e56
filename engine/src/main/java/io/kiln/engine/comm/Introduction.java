package io.kiln.engine.comm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What ranks tell each other before they can talk: which host they are on, and which file is
 * shared.
 */
final class Introduction {
  private static final String YES = "yes";
  private static final String NO = "no: ";

  private final KeyStore store;
  private final Membership membership;
  private String obstacle = "";

  Introduction(KeyStore store, Membership membership) {
    this.store = store;
    this.membership = membership;
  }

  /** Why there is no shared memory. */
  String obstacle() {
    return obstacle;
  }

  /** Whether all ranks are on one host and see each other's processes. The same on every rank. */
  boolean sameHost() {
    String own = hostIdentity();
    store.set("host/" + membership.rank(), own);
    boolean same = true;
    for (int r = 0; r < membership.size(); r++) {
      if (!get("host/" + r, r).equals(own) && same) {
        same = false;
        obstacle = "rank " + r + " is on another host or in another container";
      }
    }
    return same;
  }

  /** Boot and process namespace: processes that share both can open each other's files by /proc. */
  private static String hostIdentity() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).trim()
          + " "
          + Files.readSymbolicLink(Path.of("/proc/self/ns/pid"));
    } catch (IOException e) {
      // A host of its own.
      return "unknown " + ProcessHandle.current().pid() + " " + System.nanoTime();
    }
  }

  /** The shared file, if rank 0 could make it and all could open it. The same on every rank. */
  Optional<SharedSegment> segment(List<Path> directories, int slotBytes, int slots) {
    SharedSegment segment = null;
    String verdict = YES;
    try {
      if (membership.rank() == 0) {
        segment = SharedSegment.create(directories, membership.size(), slotBytes, slots);
        store.set("segment", segment.address());
      } else {
        String address = get("segment", 0);
        if (address.startsWith(NO)) {
          throw new IOException("rank 0 made none");
        }
        segment = SharedSegment.open(address);
      }
    } catch (IOException e) {
      verdict = NO + e.getMessage();
      if (membership.rank() == 0) {
        store.set("segment", verdict);
      }
    }
    store.set("opened/" + membership.rank(), verdict);
    for (int r = 0; r < membership.size(); r++) {
      String answer = get("opened/" + r, r);
      if (!answer.equals(YES)) {
        obstacle = "rank " + r + ": " + answer.substring(NO.length());
        if (segment != null) {
          segment.close();
        }
        return Optional.empty();
      }
    }
    return Optional.of(segment);
  }

  private String get(String key, int rank) {
    try {
      return store.get(key);
    } catch (RuntimeException e) {
      throw new CommunicationException(
          String.format(
              "rank %d: rank %d did not come to the rendezvous %s in %.1f s: %s",
              membership.rank(),
              rank,
              membership.prefix(),
              membership.timeout().toMillis() / 1000.0,
              KeyStore.firstLine(e)),
          e);
    }
  }
}
