package io.kiln.engine.comm;

import io.kiln.engine.comm.SharedSegment.Presence;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Ranks of one host, processes or threads, that exchange through a mapped file.
 *
 * <p>A collective leaves by being copied into this rank's ring, as far as the ring has room,
 * without waiting for anybody. It arrives in {@link Pending#await()}, where the peers' rings are
 * read. Every wait moves all outstanding collectives, first started first: however small the rings,
 * and in whatever order pendings are awaited, ranks that start the same collectives cannot block
 * each other. (The rank that has collected least waits for a deposit; the depositor would wait for
 * a slot of an earlier round that somebody has not collected, who would then have collected less.)
 */
public final class SharedMemoryCommunicator implements Communicator {
  private final SharedSegment segment;
  private final int rank;
  private final int size;
  private final PeerWatch peers;
  private final Rings rings;
  private final RankOrderSum sum = new RankOrderSum();
  private final ArrayDeque<Exchange> sending = new ArrayDeque<>();
  private final ArrayDeque<Exchange> receiving = new ArrayDeque<>();

  private long deposited;
  private long consumed;
  private long knownFree;

  /**
   * Joins. {@link #awaitPeers()} comes next.
   *
   * @param segment mapped by this rank alone; closed with the communicator
   * @param timeout how long a wait may see nothing move
   */
  SharedMemoryCommunicator(SharedSegment segment, int rank, Duration timeout) {
    this.segment = segment;
    this.rank = rank;
    this.size = segment.ranks();
    this.peers = new PeerWatch(segment, rank, timeout);
    this.rings = new Rings(segment, rank);
    this.knownFree = segment.slots();
    segment.join(rank, PeerProcess.self());
  }

  /** Returns when all ranks have joined. */
  void awaitPeers() {
    PeerWatch.Wait wait = peers.begin("rendezvous in shared memory", this::absentees);
    while (!absentees().isEmpty()) {
      wait.pause();
    }
    wait.end();
    segment.seal();
  }

  private List<Integer> absentees() {
    return ranks(r -> segment.presence(r) == Presence.ABSENT);
  }

  private List<Integer> ranks(IntPredicate those) {
    return IntStream.range(0, size).filter(those).boxed().toList();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  /** Bytes of the file that all ranks map together. */
  public long mappedBytes() {
    return segment.bytes();
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
    boolean direct = size == 2 || tensor.numel() * tensor.element_size() <= segment.slotBytes();
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
    sending.add(exchange);
    receiving.add(exchange);
    while (progress()) {
      // What has arrived for earlier collectives makes room for this one.
    }
    return () -> await(exchange);
  }

  private void await(Exchange exchange) {
    if (exchange.done()) {
      return;
    }
    peers.checkUsable();
    PeerWatch.Wait wait = null;
    while (!exchange.done()) {
      if (progress()) {
        if (wait != null) {
          wait.end();
          wait = null;
        }
      } else {
        if (wait == null) {
          wait = peers.begin(receiving.peek().toString(), this::blockers);
        }
        wait.pause();
      }
    }
    if (wait != null) {
      wait.end();
    }
  }

  /** Moves whatever can move by one round, out and in. */
  private boolean progress() {
    boolean moved = depositNext();
    return collectNext() || moved;
  }

  private boolean depositNext() {
    Exchange next = sending.peek();
    if (next == null || !next.mayDeposit() || (next.deposits() && !slotFree())) {
      return false;
    }
    next.depositNext(deposited);
    if (next.deposits()) {
      segment.label(rank, (int) (deposited % segment.slots()), next.label());
    }
    deposited++;
    segment.deposited(rank, deposited);
    if (next.allDeposited()) {
      sending.poll();
    }
    return true;
  }

  /** Whether everybody has collected what this round's slot held before. */
  private boolean slotFree() {
    if (deposited >= knownFree) {
      knownFree = Long.MAX_VALUE;
      for (int r = 0; r < size; r++) {
        if (r != rank) {
          knownFree = Math.min(knownFree, segment.consumed(r) + segment.slots());
        }
      }
    }
    return deposited < knownFree;
  }

  private boolean collectNext() {
    Exchange next = receiving.peek();
    if (next == null || !next.mayCollect()) {
      return false;
    }
    for (int r = 0; r < size; r++) {
      if (r != rank && next.reads(r) && segment.deposited(r) <= consumed) {
        return false;
      }
    }
    checkLabels(next);
    next.collectNext(consumed);
    consumed++;
    segment.consumed(rank, consumed);
    if (next.done()) {
      receiving.poll();
      next.release();
    }
    return true;
  }

  private void checkLabels(Exchange next) {
    int slot = (int) (consumed % segment.slots());
    for (int r = 0; r < size; r++) {
      if (r != rank && next.reads(r) && segment.label(r, slot) != next.label()) {
        throw peers.fail(
            "rank "
                + rank
                + " is in "
                + next
                + " while rank "
                + r
                + " is in "
                + Exchange.describe(segment.label(r, slot))
                + ": all ranks must run the same collectives in the same order");
      }
    }
  }

  /** The ranks without which nothing moves. */
  private List<Integer> blockers() {
    Exchange next = receiving.peek();
    return ranks(
        r ->
            r != rank
                && (next.mayCollect()
                    ? next.reads(r) && segment.deposited(r) <= consumed
                    : segment.consumed(r) + segment.slots() <= deposited));
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
    if (!peers.leave()) {
      return;
    }
    receiving.forEach(Exchange::release);
    receiving.clear();
    sending.clear();
    rings.close();
    sum.close();
    segment.close();
  }
}
