package io.kiln.engine.comm;

import org.bytedeco.pytorch.Tensor;

/**
 * A group of ranks that run the same collectives in the same order.
 *
 * <p>A collective that returns a {@link Pending} has <em>left</em> when the call returns: the input
 * may be overwritten only after {@link Pending#await()}, the output is filled only after it.
 * Several may be under way; they are awaited in the order they were started or in any other.
 *
 * <p>Sums are formed in rank order, in fp32, whatever the backend, so that the same numbers on the
 * same number of ranks give the same bits. Every wait is bounded; a dead or stuck peer ends it with
 * a {@link CommunicationException} that names the rank, after which the communicator is dead.
 *
 * <p>Tensors are one-dimensional and contiguous. One thread at a time uses a communicator.
 */
public interface Communicator extends AutoCloseable {
  /** This rank, counted from 0. */
  int rank();

  /** Number of ranks. */
  int size();

  /**
   * Sums {@code input} over all ranks and leaves this rank's part of the sum in {@code output}.
   *
   * @param input {@code [size * n]}, fp32, bf16 or fp16
   * @param output {@code [n]}, of the same type or fp32; the sum is formed in fp32 either way. It
   *     may be this rank's own part of {@code input}, if the types agree.
   * @param accumulate whether the sum is added to what {@code output} holds, or replaces it
   */
  Pending reduceScatter(Tensor input, Tensor output, boolean accumulate);

  /**
   * Gathers every rank's shard into the whole, in rank order.
   *
   * @param shard {@code [n]}; may be this rank's own part of {@code whole}. Where its type differs
   *     from {@code whole}'s it is converted on the way.
   * @param whole {@code [size * n]}
   */
  Pending allGather(Tensor shard, Tensor whole);

  /**
   * Sums {@code tensor} over all ranks in place: a reduce-scatter and an all-gather, of any length.
   */
  Pending allReduce(Tensor tensor);

  /** Overwrites {@code tensor} with that of {@code root}. */
  Pending broadcast(Tensor tensor, int root);

  /** Part r of {@code input} goes to rank r, part r of {@code output} comes from it. */
  Pending allToAll(Tensor input, Tensor output);

  /**
   * Sends to the next rank, the last one's next being the first, and receives from the one before.
   *
   * @param output {@code [n]}, n the same on every rank
   * @param input {@code [n]} of the same type, other memory
   */
  default Pending shift(Tensor output, Tensor input) {
    return pass(output, (rank() + 1) % size(), input, (rank() + size() - 1) % size());
  }

  /**
   * Sends to one rank and receives from one, as the ranks have agreed: every one is sent to once.
   *
   * @param output {@code [n]}, n the same on every rank
   * @param to not this rank, unless it is alone
   * @param input {@code [n]} of the same type, other memory
   * @param from whose {@code to} is this rank
   */
  Pending pass(Tensor output, int to, Tensor input, int from);

  /** Sums a few host numbers over all ranks, in rank order and double precision; waits for it. */
  double[] sum(double... values);

  /** Returns when every rank has called it. */
  void barrier();

  /**
   * Ends the group: every rank's current and later collectives fail, with this reason where the
   * backend can carry it. The one method that another thread may call, to end a wait.
   */
  void abort(String reason);

  /**
   * Throws if the group has ended as far as this rank has heard: for long work between two
   * collectives. Costs a field read.
   *
   * @throws CommunicationException if {@link #abort} was called here, or a collective has failed
   */
  void checkUsable();

  /**
   * Bytes of this rank's own ring in shared memory, which it holds as long as it is open; 0 where
   * it has none.
   */
  default long ringBytes() {
    return 0;
  }

  /** Time this rank has spent waiting for others so far, in nanoseconds. */
  long waitNanos();

  /**
   * Frees what it holds. Does not wait for the peers, and is not called while a call is under way.
   */
  @Override
  void close();
}
