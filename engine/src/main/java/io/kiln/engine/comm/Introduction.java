package io.kiln.engine.comm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

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

  /**
   * Ranks on this rank's host that see each other's processes, itself included, in order. The same
   * on each of them.
   */
  List<Integer> neighbours() {
    // Ranks that give their host different names count as apart.
    String own = hostIdentity() + " " + membership.host();
    store.set("host/" + membership.rank(), own);
    List<Integer> same = new ArrayList<>();
    for (int r = 0; r < membership.size(); r++) {
      if (get("host/" + r, r).equals(own)) {
        same.add(r);
      } else if (obstacle.isEmpty()) {
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

  /**
   * The shared file of some ranks, if the first of them could make it and all could open it. The
   * same on each of them.
   */
  Optional<SharedSegment> segment(
      List<Integer> ranks, List<Path> directories, int slotBytes, int slots) {
    int maker = ranks.get(0);
    String key = "segment/" + maker;
    SharedSegment segment = null;
    String verdict = YES;
    try {
      if (membership.rank() == maker) {
        segment = SharedSegment.create(directories, ranks.size(), slotBytes, slots);
        store.set(key, segment.address());
      } else {
        String address = get(key, maker);
        if (address.startsWith(NO)) {
          throw new IOException("rank " + maker + " made none");
        }
        segment = SharedSegment.open(address);
      }
    } catch (IOException e) {
      verdict = NO + e.getMessage();
      if (membership.rank() == maker) {
        store.set(key, verdict);
      }
    }
    store.set("opened/" + membership.rank(), verdict);
    for (int r : ranks) {
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
    String waiting =
        ", while rank " + rank + " was waited for in the rendezvous " + membership.prefix();
    try {
      return store.get(key, waiting);
    } catch (CommunicationException broken) {
      throw new CommunicationException(
          "rank " + membership.rank() + ": " + broken.getMessage(), broken);
    } catch (TimeoutException late) {
      throw new CommunicationException(
          String.format(
              Locale.ROOT,
              "rank %d: rank %d did not come to the rendezvous %s in %.1f s: %s",
              membership.rank(),
              rank,
              membership.prefix(),
              membership.timeout().toMillis() / 1000.0,
              late.getMessage()),
          late);
    }
  }
}
