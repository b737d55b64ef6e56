package io.kiln.engine.comm;

import static io.kiln.engine.comm.PlainValues.tensor;
import static io.kiln.engine.comm.PlainValues.values;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which rank is on which host decides what a message travels through, and nothing else. */
class PlacementTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final List<ScalarType> TYPES =
      List.of(ScalarType.Float, ScalarType.BFloat16, ScalarType.Half);

  @ParameterizedTest
  @CsvSource({
    "aba, 4096, 4",
    "aab, 524288, 32",
    "abb, 524288, 4",
    "aabb, 4096, 4",
    "abab, 524288, 32",
    "abbc, 4096, 4",
    "abaaa, 8192, 5"
  })
  void bits_do_not_depend_on_the_placement(String placement, int slotBytes, int slots)
      throws Exception {
    int size = placement.length();
    List<List<byte[]>> shared = results(Rendezvous.local(size, TIMEOUT));
    List<List<byte[]>> sockets;
    List<List<byte[]>> mixed;
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      sockets = results(Ranks.join(store, size, Transport.SOCKETS, TIMEOUT));
      List<Communicator> group = Ranks.placed(store, placement, TIMEOUT, slotBytes, slots);
      assertPlaced(placement, group, slotBytes, slots);
      mixed = results(group);
    }
    for (int r = 0; r < size; r++) {
      for (int k = 0; k < mixed.get(r).size(); k++) {
        String what = "result " + k + " of rank " + r;
        assertArrayEquals(shared.get(r).get(k), mixed.get(r).get(k), what + ", shared memory");
        assertArrayEquals(sockets.get(r).get(k), mixed.get(r).get(k), what + ", sockets");
      }
    }
  }

  /** Ranks meet in shared memory with those of their letter, if there are others. */
  private static void assertPlaced(
      String placement, List<Communicator> group, int slotBytes, int slots) {
    for (int r = 0; r < group.size(); r++) {
      char host = placement.charAt(r);
      List<Integer> same =
          IntStream.range(0, group.size())
              .filter(s -> placement.charAt(s) == host)
              .boxed()
              .toList();
      GlooCommunicator communicator = (GlooCommunicator) group.get(r);
      assertEquals(same.size() == 1 ? List.of() : same, communicator.hostRanks());
      assertEquals(same.size() == 1 ? 0 : (long) slotBytes * slots, communicator.ringBytes());
    }
  }

  private static List<List<byte[]>> results(List<Communicator> group) throws Exception {
    try {
      return Ranks.run(group, PlacementTest::everything);
    } finally {
      group.forEach(Communicator::close);
    }
  }

  /** The bytes of every collective's outcome, in every type that it takes. */
  private static List<byte[]> everything(Communicator c) {
    int size = c.size();
    int part = 40_003;
    List<byte[]> bytes = new ArrayList<>();
    List<Tensor> under = new ArrayList<>();
    List<Pending> way = new ArrayList<>();
    for (ScalarType type : TYPES) {
      Tensor whole = tensor(values(c.rank(), size * part)).to(type);
      Tensor shard = tensor(values(50 + c.rank(), part)).to(type);
      Tensor same = shard.clone();
      Tensor wide = tensor(values(70 + c.rank(), part));
      Tensor gathered = torch.empty_like(whole);
      Tensor narrowed = torch.empty(new long[] {(long) size * part}, of(type), null);
      Tensor widened = tensor(new float[size * part]);
      Tensor small = tensor(values(c.rank(), 13)).to(type);
      Tensor sum = whole.clone();
      Tensor sent = tensor(values(90 + c.rank(), part)).to(type);
      Tensor turned = whole.clone();
      Tensor apart = torch.empty_like(whole);
      way.add(c.reduceScatter(whole, same, true));
      way.add(c.reduceScatter(whole, wide, false));
      way.add(c.allGather(shard, gathered));
      way.add(c.allReduce(sum));
      way.add(c.allGather(tensor(values(c.rank(), part)), narrowed));
      way.add(c.allGather(shard, widened));
      way.add(c.allReduce(small));
      way.add(c.broadcast(sent, size - 1));
      way.add(c.allToAll(turned, turned));
      way.add(c.allToAll(whole, apart));
      under.addAll(
          List.of(same, wide, gathered, sum, narrowed, widened, small, sent, turned, apart, whole));
    }
    Tensor indices = torch.full(new long[] {70_001}, scalar(c.rank()), of(ScalarType.Long));
    way.add(c.broadcast(indices, 1));
    under.add(indices);
    double[] numbers = c.sum(0.1 * (c.rank() + 1), 1e17 / (c.rank() + 1), -1e17);
    for (int k = way.size() - 1; k >= 0; k--) {
      way.get(k).await();
    }
    under.forEach(tensor -> bytes.add(bytes(tensor)));
    for (double number : numbers) {
      bytes.add(Long.toString(Double.doubleToRawLongBits(number)).getBytes());
    }
    return bytes;
  }

  private static org.bytedeco.pytorch.Scalar scalar(double value) {
    return new org.bytedeco.pytorch.Scalar(value);
  }

  private static TensorOptions of(ScalarType type) {
    return new TensorOptions(type);
  }

  private static byte[] bytes(Tensor tensor) {
    byte[] bytes = new byte[(int) tensor.nbytes()];
    new BytePointer(tensor.data_ptr()).get(bytes);
    return bytes;
  }

  /** A rank that runs ahead fills its rings and is held up by nobody who waits for another host. */
  @ParameterizedTest
  @ValueSource(strings = {"aabb", "abab"})
  void large_messages_awaited_last_first_do_not_block(String placement) throws Exception {
    try (StoreServer store = StoreServer.open("127.0.0.1")) {
      List<Communicator> group = Ranks.placed(store, placement, TIMEOUT, 4096, 4);
      List<Boolean> right =
          Ranks.run(
              group,
              c -> {
                List<Tensor> tensors = new ArrayList<>();
                List<Pending> pendings = new ArrayList<>();
                for (int k = 0; k < 20; k++) {
                  Tensor tensor = torch.full(new long[] {60_000}, scalar(k), of(ScalarType.Float));
                  pendings.add(c.allReduce(tensor));
                  tensors.add(tensor);
                }
                boolean all = true;
                for (int i = 0; i < pendings.size(); i++) {
                  int k = c.rank() % 2 == 0 ? i : pendings.size() - 1 - i;
                  pendings.get(k).await();
                  all &= tensors.get(k).data_ptr_float().get(59_999) == 4 * k;
                }
                return all;
              });
      group.forEach(Communicator::close);
      right.forEach(all -> assertTrue(all));
    }
  }
}
