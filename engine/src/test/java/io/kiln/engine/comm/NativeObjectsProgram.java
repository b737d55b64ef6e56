package io.kiln.engine.comm;

import static io.kiln.engine.comm.PlainValues.tensor;

import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Counts native objects in a JVM without a collector: JavaCPP counts none under {@code
 * nopointergc=true}, and a collector would hide those that were forgotten.
 */
final class NativeObjectsProgram {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private NativeObjectsProgram() {}

  public static void main(String[] arguments) throws Exception {
    for (int size = 1; size <= 3; size++) {
      int ranks = size;
      count("shared memory " + size, () -> Rendezvous.local(ranks, TIMEOUT, 4096, 4));
    }
    for (int size = 2; size <= 3; size++) {
      try (StoreServer store = StoreServer.open("127.0.0.1")) {
        int ranks = size;
        count("sockets " + size, () -> Ranks.join(store, ranks, Transport.SOCKETS, TIMEOUT));
      }
    }
    for (String placement : List.of("aab", "aba", "aabb")) {
      try (StoreServer store = StoreServer.open("127.0.0.1")) {
        count("hosts " + placement, () -> Ranks.placed(store, placement, TIMEOUT, 4096, 4));
      }
    }
    for (Transport transport : List.of(Transport.SHARED_MEMORY, Transport.SOCKETS)) {
      fail(transport);
      long before = Pointer.totalCount();
      fail(transport);
      say("failure in " + transport, before);
    }
    for (String placement : List.of("aab", "aba")) {
      Duration soon = Duration.ofMillis(300);
      fail(store -> Ranks.placed(store, placement, soon, 4096, 4));
      long before = Pointer.totalCount();
      fail(store -> Ranks.placed(store, placement, soon, 4096, 4));
      say("failure on hosts " + placement, before);
    }
    System.exit(0);
  }

  private static void say(String what, long before) {
    System.out.println("count " + what + ": " + (Pointer.totalCount() - before) + " left");
  }

  private static void count(String what, Supplier<List<Communicator>> ranks) throws Exception {
    long atStart = Pointer.totalCount();
    List<Communicator> group = ranks.get();
    int size = group.size();
    Ranks.run(group, c -> everything(c, size));
    long before = Pointer.totalCount();
    Ranks.run(group, c -> everything(c, size));
    Ranks.run(group, c -> everything(c, size));
    say(what, before);
    group.forEach(Communicator::close);
    say(what + " closed", atStart);
  }

  private static Void everything(Communicator c, int size) {
    int part = 40_003;
    Tensor whole = tensor(new float[size * part]);
    Tensor shard = tensor(new float[part]);
    Tensor half = shard.to(ScalarType.BFloat16);
    c.reduceScatter(whole, shard, false).await();
    c.reduceScatter(whole.to(ScalarType.BFloat16), half, true).await();
    c.allGather(shard, whole).await();
    c.allGather(half, whole).await();
    c.allReduce(whole).await();
    c.allReduce(half).await();
    c.broadcast(shard, 0).await();
    c.allToAll(whole, whole.clone()).await();
    c.allToAll(whole, whole).await();
    c.sum(1, 2);
    c.barrier();
    return null;
  }

  /** One rank is silent while the others have three collectives under way. */
  private static void fail(Transport transport) throws Exception {
    fail(store -> Ranks.join(store, 3, transport, Duration.ofMillis(300)));
  }

  private static void fail(Function<StoreServer, List<Communicator>> ranks) throws Exception {
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      List<Communicator> group = ranks.apply(store);
      Ranks.failures(
          group,
          c -> {
            if (c.rank() != 2) {
              c.reduceScatter(tensor(new float[300_000]), tensor(new float[100_000]), false);
              c.allReduce(tensor(new float[300_000]));
              c.barrier();
            }
            return null;
          });
      group.forEach(Communicator::close);
    }
  }
}
