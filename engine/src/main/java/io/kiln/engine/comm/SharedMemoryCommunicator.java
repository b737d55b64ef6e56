package io.kiln.engine.comm;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Ranks of one host, processes or threads, that exchange through a mapped file.
 *
 * <p>A collective leaves by being copied into this rank's ring, as far as the ring has room,
 * without waiting for anybody. It arrives in {@link Pending#await()}, where the peers' rings are
 * read. What is too long for the rings moves on whenever any call is made ({@link ExchangeQueue}).
 */
public final class SharedMemoryCommunicator implements Communicator {
  private final int rank;
  private final int size;
  private final int slotBytes;
  private final ExchangeQueue queue;
  private final PeerWatch peers;
  private final Rings rings;
  private final RankOrderSum sum;
  private boolean closed;

  /**
   * Joins. {@link #awaitPeers()} comes next.
   *
   * @param segment mapped by this rank alone; closed with the communicator, or if this fails
   * @param timeout how long a wait may see nothing move
   */
  SharedMemoryCommunicator(SharedSegment segment, int rank, Duration timeout) {
    this.rank = rank;
    this.size = segment.ranks();
    this.slotBytes = segment.slotBytes();
    List<Integer> ranks = IntStream.range(0, size).boxed().toList();
    this.queue = new ExchangeQueue(segment, ranks, rank, timeout);
    this.peers = queue.peers();
    this.rings = queue.rings();
    try {
      this.sum = new RankOrderSum();
    } catch (RuntimeException | Error e) {
      queue.close();
      throw e;
    }
  }

  /** Returns when all ranks have joined. */
  void awaitPeers() {
    queue.awaitPeers();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public long ringBytes() {
    return queue.ringBytes();
  }

  @Override
  public long waitNanos() {
    return peers.waitNanos();
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    Flat.checkOnHost(input, output);
    Flat.checkReduceScatter(input, output, size);
    peers.checkUsable();
    return start(
        new ReduceScatterExchange(rings, sum, Span.of(input), Span.of(output), accumulate));
  }

  @Override
  public Pending allGather(Tensor shard, Tensor whole) {
    Flat.checkOnHost(shard, whole);
    Flat.checkAllGather(shard, whole, size);
    peers.checkUsable();
    boolean same = Flat.type(shard) == Flat.type(whole);
    return start(
        same
            ? new AllGatherExchange(rings, Span.bytesOf(shard), Span.bytesOf(whole))
            : new AllGatherExchange(rings, Span.of(shard), Span.of(whole)));
  }

  @Override
  public Pending allReduce(Tensor tensor) {
    Flat.checkOnHost(tensor);
    Flat.checkAllReduce(tensor);
    peers.checkUsable();
    boolean direct = size == 2 || tensor.numel() * tensor.element_size() <= slotBytes;
    return start(
        direct
            ? new AllReduceExchange(rings, sum, Span.of(tensor))
            : new StagedAllReduceExchange(rings, sum, Span.of(tensor)));
  }

  @Override
  public Pending broadcast(Tensor tensor, int root) {
    Flat.checkOnHost(tensor);
    Flat.checkBroadcast(tensor, root, size);
    peers.checkUsable();
    return start(new BroadcastExchange(rings, Span.bytesOf(tensor), root));
  }

  @Override
  public Pending allToAll(Tensor input, Tensor output) {
    Flat.checkOnHost(input, output);
    Flat.checkAllToAll(input, output, size);
    peers.checkUsable();
    return start(new AllToAllExchange(rings, Span.bytesOf(input), Span.bytesOf(output)));
  }

  @Override
  public Pending pass(Tensor output, int to, Tensor input, int from) {
    Flat.checkOnHost(output, input);
    Flat.checkPass(output, to, input, from, rank(), size());
    peers.checkUsable();
    return start(new PassExchange(rings, Span.bytesOf(output), Span.bytesOf(input), from));
  }

  @Override
  public double[] sum(double... values) {
    peers.checkUsable();
    NumbersExchange exchange = new NumbersExchange(rings, values);
    if (values.length > 0) {
      start(exchange).await();
    }
    return exchange.sums();
  }

  @Override
  public void barrier() {
    peers.checkUsable();
    start(new NumbersExchange(rings, new double[0])).await();
  }

  private Pending start(Exchange exchange) {
    if (exchange.done()) {
      exchange.release();
      return Pending.DONE;
    }
    queue.add(exchange);
    queue.move();
    return () -> queue.await(exchange);
  }

  @Override
  public void checkUsable() {
    peers.checkUsable();
  }

  @Override
  public void abort(String reason) {
    peers.abort(reason);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      queue.close();
      sum.close();
    }
  }
}
