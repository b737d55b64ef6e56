package io.kiln.engine.comm;

import static io.kiln.engine.comm.PlainValues.bf16;
import static io.kiln.engine.comm.PlainValues.floats;
import static io.kiln.engine.comm.PlainValues.sum;
import static io.kiln.engine.comm.PlainValues.tensor;
import static io.kiln.engine.comm.PlainValues.values;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every communicator does, against plain loops over arrays. A backend's test says how a group
 * is made.
 */
abstract class CollectivesContract {
  /** Communicators of {@code size} ranks. */
  abstract List<Communicator> group(int size);

  private <T> List<T> run(int size, Ranks.Body<T> body) throws Exception {
    List<Communicator> group = group(size);
    try {
      return Ranks.run(group, body);
    } finally {
      group.forEach(Communicator::close);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void reduce_scatter_leaves_each_rank_its_part_of_the_sum(int size) throws Exception {
    for (int part : new int[] {0, 1, 7, 1000, 33_333}) {
      List<float[]> results =
          run(
              size,
              c -> {
                Tensor output = tensor(new float[part]);
                c.reduceScatter(tensor(values(c.rank(), size * part)), output, false).await();
                return floats(output);
              });
      for (int r = 0; r < size; r++) {
        assertArrayEquals(sum(size, size * part, r * part, part), results.get(r));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void reduce_scatter_adds_to_what_the_output_holds(int size) throws Exception {
    int part = 5003;
    List<float[]> results =
        run(
            size,
            c -> {
              Tensor output = tensor(values(100 + c.rank(), part));
              c.reduceScatter(tensor(values(c.rank(), size * part)), output, true).await();
              return floats(output);
            });
    for (int r = 0; r < size; r++) {
      float[] expected = values(100 + r, part);
      float[] sum = sum(size, size * part, r * part, part);
      for (int i = 0; i < part; i++) {
        expected[i] += sum[i];
      }
      assertArrayEquals(expected, results.get(r));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void reduce_scatter_may_leave_the_sum_in_the_own_part_of_the_input(int size) throws Exception {
    int part = 20_011;
    List<float[]> results =
        run(
            size,
            c -> {
              Tensor input = tensor(values(c.rank(), size * part));
              Tensor own = input.narrow(0, (long) c.rank() * part, part);
              c.reduceScatter(input, own, false).await();
              return floats(input);
            });
    for (int r = 0; r < size; r++) {
      float[] expected = values(r, size * part);
      System.arraycopy(sum(size, size * part, r * part, part), 0, expected, r * part, part);
      assertArrayEquals(expected, results.get(r), "others' parts stay as they were");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void all_gather_collects_the_shards_in_rank_order(int size) throws Exception {
    for (int part : new int[] {0, 1, 7, 50_021}) {
      List<float[]> results =
          run(
              size,
              c -> {
                Tensor whole = tensor(new float[size * part]);
                c.allGather(tensor(values(c.rank(), part)), whole).await();
                return floats(whole);
              });
      float[] expected = new float[size * part];
      for (int r = 0; r < size; r++) {
        System.arraycopy(values(r, part), 0, expected, r * part, part);
      }
      results.forEach(whole -> assertArrayEquals(expected, whole));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void all_gather_takes_the_own_part_of_the_whole_as_shard(int size) throws Exception {
    int part = 4099;
    List<float[]> results =
        run(
            size,
            c -> {
              Tensor whole = tensor(new float[size * part]);
              Tensor own = whole.narrow(0, (long) c.rank() * part, part);
              own.copy_(tensor(values(c.rank(), part)));
              c.allGather(own, whole).await();
              return floats(whole);
            });
    float[] expected = new float[size * part];
    for (int r = 0; r < size; r++) {
      System.arraycopy(values(r, part), 0, expected, r * part, part);
    }
    results.forEach(whole -> assertArrayEquals(expected, whole));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void all_gather_converts_on_the_way(int size) throws Exception {
    int part = 10_007;
    List<float[]> narrowed =
        run(
            size,
            c -> {
              Tensor whole = torch.empty(new long[] {(long) size * part}, halves(), null);
              c.allGather(tensor(values(c.rank(), part)), whole).await();
              return floats(whole);
            });
    List<float[]> widened =
        run(
            size,
            c -> {
              Tensor whole = tensor(new float[size * part]);
              c.allGather(tensor(values(c.rank(), part)).to(ScalarType.BFloat16), whole).await();
              return floats(whole);
            });
    for (int r = 0; r < size; r++) {
      float[] expected = new float[size * part];
      for (int s = 0; s < size; s++) {
        float[] shard = values(s, part);
        for (int i = 0; i < part; i++) {
          expected[s * part + i] = bf16(shard[i]);
        }
      }
      assertArrayEquals(expected, narrowed.get(r));
      assertArrayEquals(expected, widened.get(r));
    }
  }

  private static TensorOptions halves() {
    return new TensorOptions(ScalarType.BFloat16);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void all_reduce_sums_tensors_of_any_length(int size) throws Exception {
    for (int length : new int[] {0, 1, 2, 13, 1021, 130_003}) {
      List<float[]> results =
          run(
              size,
              c -> {
                Tensor tensor = tensor(values(c.rank(), length));
                c.allReduce(tensor).await();
                return floats(tensor);
              });
      float[] expected = sum(size, length, 0, length);
      results.forEach(sum -> assertArrayEquals(expected, sum));
    }
  }

  /** 256 + 1 is 256 in bf16 (8 bits of mantissa): terms added one by one in bf16 would be lost. */
  @ParameterizedTest
  @ValueSource(ints = {3, 4})
  void half_precision_is_summed_in_fp32(int size) throws Exception {
    int part = 3001;
    float[] terms = {256, 1, 1, 1};
    float exact = 255 + size;
    List<float[][]> results =
        run(
            size,
            c -> {
              float term = terms[c.rank()];
              Tensor input = torch.full(new long[] {(long) size * part}, scalar(term), halves());
              Tensor same = torch.full(new long[] {part}, scalar(0), halves());
              Tensor wide = tensor(new float[part]);
              Tensor added = torch.full(new long[] {part}, scalar(1), halves());
              c.reduceScatter(input, same, false).await();
              c.reduceScatter(input, wide, false).await();
              c.reduceScatter(input, added, true).await();
              c.allReduce(input).await();
              return new float[][] {floats(same), floats(wide), floats(added), floats(input)};
            });
    for (float[][] result : results) {
      for (int i = 0; i < part; i++) {
        assertEquals(bf16(exact), result[0][i]);
        assertEquals(exact, result[1][i], "fp32 output is not rounded");
        assertEquals(bf16(exact + 1), result[2][i]);
      }
      for (float sum : result[3]) {
        assertEquals(bf16(exact), sum);
      }
    }
  }

  private static org.bytedeco.pytorch.Scalar scalar(double value) {
    return new org.bytedeco.pytorch.Scalar(value);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void two_halves_are_summed_in_fp32_and_rounded_once(int size) throws Exception {
    int part = 70_001;
    List<float[][]> results =
        run(
            size,
            c -> {
              Tensor input = tensor(values(c.rank(), size * part)).to(ScalarType.BFloat16);
              Tensor same = torch.full(new long[] {part}, scalar(0), halves());
              Tensor wide = tensor(values(50, part));
              c.reduceScatter(input, same, false).await();
              c.reduceScatter(input, wide, true).await();
              return new float[][] {floats(same), floats(wide)};
            });
    for (int r = 0; r < size; r++) {
      float[] base = values(50, part);
      for (int i = 0; i < part; i++) {
        float sum = 0;
        for (int s = 0; s < size; s++) {
          // values() of the whole length: element r * part + i.
          float term = bf16(cached(s, size * part)[r * part + i]);
          sum = s == 0 ? term : sum + term;
        }
        assertEquals(bf16(sum), results.get(r)[0][i]);
        assertEquals(base[i] + sum, results.get(r)[1][i]);
      }
    }
  }

  private final java.util.Map<String, float[]> cache = new java.util.HashMap<>();

  private float[] cached(int rank, int length) {
    return cache.computeIfAbsent(rank + "/" + length, k -> values(rank, length));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void broadcast_gives_everybody_the_root_s(int size) throws Exception {
    for (int root = 0; root < size; root++) {
      int from = root;
      List<float[]> results =
          run(
              size,
              c -> {
                Tensor tensor = tensor(values(c.rank(), 40_009));
                Tensor indices = torch.full(new long[] {5}, scalar(c.rank()), int64());
                Pending first = c.broadcast(tensor, from);
                c.broadcast(indices, from).await();
                first.await();
                assertEquals(from, floats(indices)[4]);
                return floats(tensor);
              });
      results.forEach(tensor -> assertArrayEquals(values(from, 40_009), tensor));
    }
  }

  private static TensorOptions int64() {
    return new TensorOptions(ScalarType.Long);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void a_shift_gives_everybody_the_previous_rank_s(int size) throws Exception {
    List<float[]> results =
        run(
            size,
            c -> {
              Tensor own = tensor(values(c.rank(), 300_007));
              Tensor from = tensor(new float[300_007]);
              Tensor small = tensor(new float[3]);
              Pending first = c.shift(own, from);
              c.shift(tensor(c.rank(), 7, 8), small).await();
              first.await();
              assertArrayEquals(new float[] {(c.rank() + size - 1) % size, 7, 8}, floats(small));
              assertArrayEquals(values(c.rank(), 300_007), floats(own));
              return floats(from);
            });
    for (int r = 0; r < size; r++) {
      assertArrayEquals(values((r + size - 1) % size, 300_007), results.get(r));
    }
  }

  /** Who each rank passes to; not all of them are one circle. */
  @ParameterizedTest
  @ValueSource(strings = {"0", "10", "120", "201", "1032", "2301", "3210", "2031"})
  void what_is_passed_arrives_where_it_was_sent(String targets) throws Exception {
    int[] to = targets.chars().map(digit -> digit - '0').toArray();
    int[] from = new int[to.length];
    for (int r = 0; r < to.length; r++) {
      from[to[r]] = r;
    }
    List<float[]> results =
        run(
            to.length,
            c -> {
              Tensor own = tensor(values(c.rank(), 300_007));
              Tensor other = tensor(new float[300_007]);
              c.pass(own, to[c.rank()], other, from[c.rank()]).await();
              assertArrayEquals(values(c.rank(), 300_007), floats(own));
              return floats(other);
            });
    for (int r = 0; r < to.length; r++) {
      assertArrayEquals(values(from[r], 300_007), results.get(r));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void all_to_all_transposes_parts_and_ranks(int size) throws Exception {
    int part = 9001;
    List<float[][]> results =
        run(
            size,
            c -> {
              Tensor input = tensor(values(c.rank(), size * part));
              Tensor output = tensor(new float[size * part]);
              c.allToAll(input, output).await();
              Tensor inPlace = tensor(values(c.rank(), size * part));
              c.allToAll(inPlace, inPlace).await();
              return new float[][] {floats(output), floats(inPlace)};
            });
    for (int r = 0; r < size; r++) {
      float[] expected = new float[size * part];
      for (int s = 0; s < size; s++) {
        System.arraycopy(values(s, size * part), r * part, expected, s * part, part);
      }
      assertArrayEquals(expected, results.get(r)[0]);
      assertArrayEquals(expected, results.get(r)[1]);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void numbers_are_summed_in_double_precision_and_rank_order(int size) throws Exception {
    double[] first = {0.1, 0.2, 0.3, 1e100};
    List<double[]> results =
        run(
            size,
            c -> {
              double[] sums = c.sum(first[c.rank()], 1L << 53, c.rank());
              c.barrier();
              assertEquals(0, c.sum().length);
              return sums;
            });
    double total = first[0];
    for (int r = 1; r < size; r++) {
      total += first[r];
    }
    double[] expected = {total, size * (double) (1L << 53), size * (size - 1) / 2.0};
    results.forEach(sums -> assertArrayEquals(expected, sums));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void many_collectives_under_way_are_awaited_in_any_order(int size) throws Exception {
    int count = 100;
    run(
        size,
        c -> {
          List<Pending> pendings = new ArrayList<>();
          List<Tensor> outputs = new ArrayList<>();
          for (int k = 0; k < count; k++) {
            int part = 100 + 37 * k;
            Tensor whole = tensor(values(c.rank(), size * part));
            Tensor shard = tensor(values(c.rank(), part));
            Tensor output = k % 5 == 0 ? tensor(new float[part]) : tensor(new float[size * part]);
            switch (k % 5) {
              case 0 -> pendings.add(c.reduceScatter(whole, output, false));
              case 1 -> pendings.add(c.allGather(shard, output));
              case 2 -> pendings.add(c.allReduce(output = whole));
              case 3 -> pendings.add(c.broadcast(output = whole, k % size));
              default -> pendings.add(c.allToAll(whole, output));
            }
            outputs.add(output);
            if (k % 17 == 0) {
              assertEquals(size * (double) k, c.sum(k)[0], "overtakes nothing, waits for all");
            }
          }
          // Each rank in an order of its own.
          List<Integer> order = new ArrayList<>();
          for (int k = 0; k < count; k++) {
            order.add(k);
          }
          Collections.shuffle(order, new Random(c.rank()));
          for (int k : order) {
            pendings.get(k).await();
            pendings.get(k).await();
            float[] expected = expected(k, c.rank(), size, 100 + 37 * k);
            assertArrayEquals(expected, floats(outputs.get(k)), "collective " + k);
          }
          return null;
        });
  }

  private static float[] expected(int k, int rank, int size, int part) {
    int length = size * part;
    if (k % 5 == 0) {
      return sum(size, length, rank * part, part);
    }
    if (k % 5 == 2) {
      return sum(size, length, 0, length);
    }
    if (k % 5 == 3) {
      return values(k % size, length);
    }
    float[] expected = new float[length];
    for (int r = 0; r < size; r++) {
      float[] from = k % 5 == 1 ? values(r, part) : values(r, length);
      System.arraycopy(from, k % 5 == 1 ? 0 : rank * part, expected, r * part, part);
    }
    return expected;
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void a_tensor_that_its_scope_has_closed_lives_on_until_the_await(int size) throws Exception {
    int part = 30_011;
    List<float[]> results =
        run(
            size,
            c -> {
              Tensor output = tensor(new float[part]);
              Pending pending;
              try (PointerScope scope = new PointerScope()) {
                Tensor input = tensor(values(c.rank(), size * part));
                pending = c.reduceScatter(input, output, false);
              }
              pending.await();
              return floats(output);
            });
    for (int r = 0; r < size; r++) {
      assertArrayEquals(sum(size, size * part, r * part, part), results.get(r));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void tensors_that_do_not_fit_are_refused_at_the_door(int size) throws Exception {
    run(
        size,
        c -> {
          Tensor three = tensor(1, 2, 3);
          Tensor matrix = three.reshape(1, 3);
          Tensor indices = torch.full(new long[] {3}, scalar(1), int64());
          List<org.junit.jupiter.api.function.Executable> misuse =
              List.of(
                  () -> c.reduceScatter(three, tensor(1, 2), false),
                  () -> c.allGather(three, tensor(1, 2, 3, 4)),
                  () -> c.allReduce(matrix),
                  () -> c.allReduce(indices),
                  () -> c.broadcast(three, size),
                  () -> c.broadcast(three, -1),
                  () -> c.shift(three, tensor(1, 2)),
                  () -> c.shift(three, indices),
                  () -> c.allToAll(three, indices));
          for (org.junit.jupiter.api.function.Executable call : misuse) {
            assertThrows(IllegalArgumentException.class, call);
          }
          c.barrier();
          return null;
        });
  }
}
