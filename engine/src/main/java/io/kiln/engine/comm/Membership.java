package io.kiln.engine.comm;

import java.time.Duration;
import java.util.Objects;

/**
 * A rank's place in a group to be.
 *
 * @param rank from 0
 * @param size number of ranks
 * @param host name or address of this rank's own interface, as the others can reach it
 * @param store {@link StoreServer#address()} of rank 0
 * @param prefix names the group and the attempt (the stage attempt in Spark), so that a retry never
 *     meets an earlier attempt's keys
 * @param timeout how long a wait may see nothing move, from the rendezvous on
 * @param device what this rank computes on: {@code cpu}, or {@code cuda:N} for {@link
 *     Transport#NCCL}
 */
public record Membership(
    int rank, int size, String host, String store, String prefix, Duration timeout, String device) {
  public Membership {
    if (size < 1 || rank < 0 || rank >= size) {
      throw new IllegalArgumentException("rank " + rank + " of " + size + " ranks");
    }
    Objects.requireNonNull(host, "host");
    Objects.requireNonNull(store, "store");
    Objects.requireNonNull(prefix, "prefix");
    Objects.requireNonNull(device, "device");
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("a time-out of " + timeout + " ends every wait");
    }
  }

  /** Of a rank that computes on the processor. */
  public Membership(
      int rank, int size, String host, String store, String prefix, Duration timeout) {
    this(rank, size, host, store, prefix, timeout, "cpu");
  }
}
