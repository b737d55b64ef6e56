package io.kiln.datasource.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.DataException;
import io.kiln.datasource.lanes.Seats;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.FeatureSamples;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.packing.PieceBuffer;
import io.kiln.datasource.packing.SamplePacker;
import io.kiln.datasource.packing.Split;
import io.kiln.datasource.packing.TokenSamples;
import io.kiln.datasource.packing.TokenWidth;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.EvaluationSource;
import io.kiln.engine.train.MicroBatch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RankSamplesTest {
  private static final int T = 5;
  private static final SampleStorage MEMORY = SampleStorage.inMemory();

  @TempDir Path directory;

  private static int[] corpus(int count, int vocabulary) {
    return new Random(1).ints(count, 0, vocabulary).toArray();
  }

  private static DataPlan plan(
      TokenWidth width, int units, int batch, int micro, int ranks, boolean shuffle) {
    return DataPlan.of(
        new TokenSamples(T, width), Split.of(units, 0.25), batch, micro, ranks, 77, shuffle);
  }

  /** Rows of an int64 tensor. */
  private static List<List<Long>> rows(Tensor tensor) {
    List<List<Long>> rows = new ArrayList<>();
    try (PointerScope scope = new PointerScope()) {
      long[] values = new long[(int) tensor.numel()];
      tensor.data_ptr_long().get(values);
      int width = (int) tensor.size(1);
      for (int row = 0; row < values.length / width; row++) {
        rows.add(Arrays.stream(values, row * width, (row + 1) * width).boxed().toList());
      }
    }
    return rows;
  }

  private static List<Long> expected(int[] tokens, long from, int count) {
    List<Long> row = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      row.add((long) tokens[(int) from + i]);
    }
    return row;
  }

  @ParameterizedTest
  @EnumSource(TokenWidth.class)
  void micro_batches_hold_the_tokens_of_their_samples_and_the_next_ones_as_targets(
      TokenWidth width) {
    int vocabulary = width == TokenWidth.ONE ? 256 : width == TokenWidth.TWO ? 65_536 : 1 << 20;
    int[] tokens = corpus(500, vocabulary);
    tokens[3] = vocabulary - 1;
    DataPlan plan = plan(width, 500, 8, 2, 2, true);
    for (int rank = 0; rank < 2; rank++) {
      try (RankSamples samples = RankSamples.ofTokens(plan, rank, tokens, MEMORY);
          BatchSource source = samples.batches(1, 2)) {
        for (long step = 1; step <= 3 * plan.lanes().stepsPerEpoch(); step++) {
          List<MicroBatch> batches = source.next(step);
          assertEquals(2, batches.size());
          assertEquals(8 * T, source.globalValidTargets(step));
          for (int k = 0; k < 2; k++) {
            MicroBatch batch = batches.get(k);
            assertEquals(rank * 4 + k * 2, batch.firstRow());
            assertEquals(2 * T, batch.validTargets());
            for (int row = 0; row < 2; row++) {
              long sample = new Seats(plan.lanes()).sampleAt(step, rank * 4 + k * 2 + row);
              assertEquals(expected(tokens, sample * T, T), rows(batch.inputs()).get(row));
              assertEquals(expected(tokens, sample * T + 1, T), rows(batch.targets()).get(row));
            }
          }
        }
      }
    }
  }

  @Test
  void steps_may_be_asked_for_in_any_order() {
    int[] tokens = corpus(500, 256);
    DataPlan plan = plan(TokenWidth.ONE, 500, 4, 4, 1, true);
    try (RankSamples samples = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
        BatchSource source = samples.batches(1, 3)) {
      for (long step : new long[] {1, 2, 50, 51, 3, 4, 4, 5, 1, 1000, 7, 8, 9}) {
        List<List<Long>> inputs = rows(source.next(step).get(0).inputs());
        for (int row = 0; row < 4; row++) {
          long sample = new Seats(plan.lanes()).sampleAt(step, row);
          assertEquals(expected(tokens, sample * T, T), inputs.get(row));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1", "1,3", "2,2", "3,1", "4,2"})
  void evaluation_sees_every_target_of_the_split_once_in_file_order(int ranks, int micro) {
    int[] tokens = corpus(401, 256);
    DataPlan plan = plan(TokenWidth.ONE, 401, ranks * micro, micro, ranks, true);
    int begin = (int) plan.split().training();
    int validation = 401 - begin; // 101: 20 whole samples of 5 targets
    assertEquals((validation - 1 + T - 1) / T, plan.evaluationSamples());
    List<Iterator<MicroBatch>> passes = new ArrayList<>();
    List<AutoCloseable> open = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      RankSamples samples = RankSamples.ofTokens(plan, rank, tokens, MEMORY);
      EvaluationSource source = samples.evaluation().orElseThrow();
      open.add(source);
      open.add(samples);
      passes.add(source.pass(Long.MAX_VALUE));
    }
    List<Long> targets = new ArrayList<>();
    long valid = 0;
    long given = 0;
    while (passes.get(0).hasNext()) {
      given++;
      for (Iterator<MicroBatch> pass : passes) {
        MicroBatch batch = pass.next(); // as many on every rank
        long counted = 0;
        for (List<Long> row : rows(batch.targets())) {
          for (long target : row) {
            if (target != -100) {
              targets.add(target);
              counted++;
            }
          }
        }
        assertEquals(counted, batch.validTargets());
        valid += counted;
      }
    }
    passes.forEach(pass -> assertFalse(pass.hasNext()));
    assertEquals(plan.evaluationMicroBatches(), given);
    assertEquals(validation - 1, valid);
    assertEquals(expected(tokens, begin + 1, validation - 1), targets);
    open.forEach(RankSamplesTest::closeQuietly);
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void a_partial_last_evaluation_sample_is_padded_with_ignored_targets() {
    int[] tokens = corpus(400, 256);
    DataPlan plan = plan(TokenWidth.ONE, 400, 4, 4, 1, false); // validation: 100 tokens
    try (RankSamples samples = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
        EvaluationSource source = samples.evaluation().orElseThrow()) {
      List<List<Long>> targets = new ArrayList<>();
      source.pass(Long.MAX_VALUE).forEachRemaining(b -> targets.addAll(rows(b.targets())));
      assertEquals(20, targets.size());
      List<Long> last = targets.get(19);
      assertEquals(expected(tokens, 396, 4), last.subList(0, 4)); // tokens 95..99 of the split
      assertEquals(-100L, last.get(4));
      assertEquals(1, count(source.pass(1)));
      assertEquals(5, count(source.pass(99)));
      assertEquals(0, count(source.pass(0)));
    }
  }

  private static int count(Iterator<MicroBatch> pass) {
    int count = 0;
    for (; pass.hasNext(); pass.next()) {
      count++;
    }
    return count;
  }

  @Test
  void the_first_global_batches_of_an_evaluation_are_the_same_on_any_number_of_ranks() {
    int[] tokens = corpus(800, 256);
    List<List<List<Long>>> seen = new ArrayList<>();
    for (int ranks : new int[] {1, 2, 4}) {
      DataPlan plan = plan(TokenWidth.ONE, 800, 8, 2, ranks, true);
      int accumulation = 8 / 2 / ranks;
      List<List<Long>> rows = new ArrayList<>();
      for (int rank = 0; rank < ranks; rank++) {
        try (RankSamples samples = RankSamples.ofTokens(plan, rank, tokens, MEMORY);
            EvaluationSource source = samples.evaluation().orElseThrow()) {
          source.pass(2L * accumulation).forEachRemaining(b -> rows.addAll(rows(b.inputs())));
        }
      }
      rows.sort((a, b) -> a.toString().compareTo(b.toString()));
      seen.add(rows);
    }
    assertEquals(16, seen.get(0).size());
    assertEquals(seen.get(0), seen.get(1));
    assertEquals(seen.get(0), seen.get(2));
  }

  @Test
  void a_large_store_lies_in_a_file_without_a_name_and_reads_the_same() throws IOException {
    int[] tokens = corpus(5000, 60_000);
    DataPlan plan = plan(TokenWidth.TWO, 5000, 4, 2, 1, true);
    try (RankSamples memory = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
        RankSamples file =
            RankSamples.ofTokens(plan, 0, tokens, new SampleStorage(100, directory));
        BatchSource fromMemory = memory.batches(1, 1);
        BatchSource fromFile = file.batches(1, 1)) {
      assertFalse(memory.spilled());
      assertTrue(file.spilled());
      try (Stream<Path> left = Files.list(directory)) {
        assertEquals(0, left.count());
      }
      for (long step = 1; step <= 200; step++) {
        List<MicroBatch> a = fromMemory.next(step);
        List<MicroBatch> b = fromFile.next(step);
        for (int k = 0; k < 2; k++) {
          assertEquals(rows(a.get(k).inputs()), rows(b.get(k).inputs()));
          assertEquals(rows(a.get(k).targets()), rows(b.get(k).targets()));
        }
      }
    }
  }

  @Test
  void pieces_in_any_order_from_any_cut_make_the_same_store() {
    int[] tokens = corpus(300, 256);
    DataPlan plan = plan(TokenWidth.ONE, 300, 4, 2, 2, true);
    Random random = new Random(5);
    for (int round = 0; round < 20; round++) {
      List<int[]> stretches = new ArrayList<>();
      for (int at = 0; at < 300; ) {
        int count = Math.min(300 - at, 1 + random.nextInt(round < 10 ? 3 : 90));
        stretches.add(new int[] {at, count});
        at += count;
      }
      Collections.shuffle(stretches, random);
      PieceBuffer[] buffers = {new PieceBuffer(), new PieceBuffer()};
      for (int[] stretch : stretches) {
        byte[] units =
            TokenWidth.ONE.pack(Arrays.copyOfRange(tokens, stretch[0], stretch[0] + stretch[1]));
        new SamplePacker(plan)
            .cut(
                units,
                stretch[1],
                stretch[0],
                (rank, evaluation, slot, at, source, from, count) ->
                    buffers[rank].add(evaluation, slot, at, source, from, count));
      }
      for (int rank = 0; rank < 2; rank++) {
        byte[] record = buffers[rank].take();
        try (RankSamples cut = RankSamples.load(plan, rank, List.of(record).iterator(), MEMORY);
            RankSamples whole = RankSamples.ofTokens(plan, rank, tokens, MEMORY)) {
          assertArrayEquals(content(whole), content(cut));
        }
      }
    }
  }

  private static byte[] content(RankSamples samples) {
    byte[] content = new byte[(int) samples.size()];
    samples.bytes().pointer().get(content);
    DataPlan plan = samples.plan();
    int rank = samples.lanes().rank();
    // The bytes behind a partial last evaluation sample are nobody's.
    long slots = plan.evaluationSlots(rank);
    if (slots > 0) {
      int units = (int) plan.evaluationUnits(plan.evaluationSample(rank, slots - 1));
      Arrays.fill(content, content.length - (T + 1 - units), content.length, (byte) 0);
    }
    return content;
  }

  @Test
  void missing_pieces_are_refused() {
    DataPlan plan = plan(TokenWidth.ONE, 300, 4, 2, 1, true);
    String message =
        assertThrows(
                DataException.class,
                () -> RankSamples.load(plan, 0, List.<byte[]>of().iterator(), MEMORY))
            .getMessage();
    assertTrue(message.contains("Rank 0 got 0 bytes"), message);
  }

  @Test
  void classes_and_values_become_targets_of_their_kind() {
    int rows = 40;
    ByteBuffer units = ByteBuffer.allocate(rows * 12).order(ByteOrder.nativeOrder());
    for (int i = 0; i < rows; i++) {
      units.putFloat(i).putFloat(-i / 2f).putInt(i % 7);
    }
    DataPlan plan =
        DataPlan.of(
            new FeatureSamples(2, LabelKind.CLASS, 1), Split.of(rows, 0.5), 4, 2, 1, 3, true);
    try (RankSamples samples = RankSamples.ofUnits(plan, 0, units.array(), MEMORY);
        BatchSource source = samples.batches(1, 1)) {
      MicroBatch batch = source.next(2).get(1);
      float[] inputs = new float[4];
      batch.inputs().data_ptr_float().get(inputs);
      long[] targets = new long[2];
      batch.targets().data_ptr_long().get(targets);
      assertEquals(1, batch.targets().dim());
      assertEquals(4, source.globalValidTargets(2));
      for (int row = 0; row < 2; row++) {
        long sample = new Seats(plan.lanes()).sampleAt(2, 2 + row);
        assertEquals(sample, inputs[2 * row]);
        assertEquals(-sample / 2f, inputs[2 * row + 1]);
        assertEquals(sample % 7, targets[row]);
      }
    }
    DataPlan values =
        DataPlan.of(
            new FeatureSamples(1, LabelKind.VALUE, 2), Split.of(rows, 0.5), 4, 4, 1, 3, false);
    ByteBuffer pairs = ByteBuffer.allocate(rows * 12).order(ByteOrder.nativeOrder());
    for (int i = 0; i < rows; i++) {
      pairs.putFloat(i).putFloat(i + 0.5f).putFloat(-i);
    }
    try (RankSamples samples = RankSamples.ofUnits(values, 0, pairs.array(), MEMORY);
        BatchSource source = samples.batches(1, 1)) {
      MicroBatch batch = source.next(1).get(0);
      float[] targets = new float[8];
      batch.targets().data_ptr_float().get(targets);
      assertArrayEquals(new float[] {0.5f, 0, 1.5f, -1, 2.5f, -2, 3.5f, -3}, targets);
      assertEquals(2, batch.targets().dim());
      assertEquals(8, batch.validTargets());
    }
  }

  @Test
  void closing_frees_everything_and_ends_the_thread() {
    int[] tokens = corpus(500, 256);
    DataPlan plan = plan(TokenWidth.ONE, 500, 4, 2, 1, true);
    for (int round = 0; round < 3; round++) {
      long before = Pointer.totalCount();
      // An outer scope must not free what outlives it, nor be needed to free it.
      RankSamples samples;
      BatchSource source;
      EvaluationSource evaluation;
      try (PointerScope scope = new PointerScope()) {
        samples = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
        source = samples.batches(1, 2);
        evaluation = samples.evaluation().orElseThrow();
      }
      long held = -1;
      for (long step = 1; step < 50; step++) {
        List<MicroBatch> batches = source.next(step);
        assertFalse(batches.get(0).inputs().isNull());
        evaluation.pass(2).forEachRemaining(b -> assertFalse(b.inputs().isNull()));
        if (step == 2) {
          held = Pointer.totalCount();
        }
      }
      assertEquals(held, Pointer.totalCount());
      source.close();
      source.close();
      evaluation.close();
      samples.close();
      assertEquals(before, Pointer.totalCount());
      assertTrue(
          Thread.getAllStackTraces().keySet().stream()
              .noneMatch(thread -> thread.getName().startsWith("kiln-samples")));
    }
  }

  @Test
  void a_failure_in_the_thread_reaches_the_one_who_asks() {
    int[] tokens = corpus(500, 256);
    DataPlan plan = plan(TokenWidth.ONE, 500, 4, 2, 1, true);
    RankSamples samples = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
    try (SampleBatchSource source =
        new SampleBatchSource(
            samples,
            1,
            1,
            (buffer, row, index) -> {
              throw new IllegalStateException("the disk is gone");
            })) {
      String message = assertThrows(DataException.class, () -> source.next(1)).getMessage();
      assertTrue(message.contains("step 1") && message.contains("the disk is gone"), message);
      assertThrows(DataException.class, () -> source.next(2));
    }
    samples.close();
  }

  @Test
  void what_was_given_stays_as_it_is_until_the_next_call() throws InterruptedException {
    int[] tokens = corpus(500, 256);
    DataPlan plan = plan(TokenWidth.ONE, 500, 4, 2, 1, true);
    try (RankSamples samples = RankSamples.ofTokens(plan, 0, tokens, MEMORY);
        BatchSource source = samples.batches(1, 1)) {
      for (long step = 1; step < 30; step++) {
        MicroBatch batch = source.next(step).get(1);
        List<List<Long>> first = rows(batch.inputs());
        Thread.sleep(2); // Time for the thread to write where it must not.
        assertEquals(first, rows(batch.inputs()));
      }
    }
  }
}
