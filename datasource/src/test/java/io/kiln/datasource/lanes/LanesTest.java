package io.kiln.datasource.lanes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.DataException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LanesTest {
  private static List<Long> step(Lanes lanes, long step) {
    Seats seats = new Seats(lanes);
    List<Long> samples = new ArrayList<>();
    for (int lane = 0; lane < lanes.globalBatch(); lane++) {
      samples.add(seats.sampleAt(step, lane));
    }
    return samples;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 15, 16, 17, 255, 256, 257, 1000, 4097})
  void permutation_is_a_bijection(long size) {
    for (long key : new long[] {0, 1, -1, 1337}) {
      Set<Long> images = new HashSet<>();
      for (long i = 0; i < size; i++) {
        long image = IndexPermutation.apply(i, size, key);
        assertTrue(image >= 0 && image < size);
        images.add(image);
      }
      assertEquals(size, images.size());
    }
  }

  @Test
  void permutation_of_a_very_large_domain_stays_inside_and_apart() {
    long size = (1L << 45) + 12345;
    Set<Long> images = new HashSet<>();
    for (long i = size - 100; i < size; i++) {
      long image = IndexPermutation.apply(i, size, 7);
      assertTrue(image >= 0 && image < size);
      assertTrue(images.add(image));
    }
  }

  @Test
  void permutation_spreads_evenly() {
    // The mean distance of an index to its image is n/3 for a random permutation.
    long size = 10_000;
    double distance =
        LongStream.range(0, size)
            .map(i -> Math.abs(i - IndexPermutation.apply(i, size, 42)))
            .average()
            .orElseThrow();
    assertEquals(size / 3.0, distance, size * 0.02);
  }

  @Test
  void every_sample_has_one_lane_and_place() {
    for (boolean shuffle : new boolean[] {true, false}) {
      Lanes lanes = new Lanes(107, 8, 3, shuffle);
      Set<String> seats = new HashSet<>();
      for (long sample = 0; sample < 107; sample++) {
        int lane = lanes.lane(lanes.position(sample));
        long place = lanes.place(lanes.position(sample));
        assertTrue(place < lanes.length(lane));
        seats.add(lane + "/" + place);
      }
      assertEquals(107, seats.size());
    }
  }

  @ParameterizedTest
  @CsvSource({"96,8", "103,8", "8,8", "15,8", "100,1", "1000,12"})
  void an_epoch_sees_each_sample_at_most_once(long samples, int batch) {
    for (boolean shuffle : new boolean[] {true, false}) {
      Lanes lanes = new Lanes(samples, batch, 11, shuffle);
      assertEquals(samples / batch, lanes.stepsPerEpoch());
      for (long epoch = 0; epoch < 3; epoch++) {
        Set<Long> seen = new HashSet<>();
        for (long s = 1; s <= lanes.stepsPerEpoch(); s++) {
          long step = epoch * lanes.stepsPerEpoch() + s;
          assertEquals(epoch, lanes.epoch(step));
          seen.addAll(step(lanes, step));
        }
        assertEquals(lanes.stepsPerEpoch() * batch, seen.size());
        assertTrue(seen.stream().allMatch(sample -> sample >= 0 && sample < samples));
      }
    }
  }

  @Test
  void what_an_epoch_leaves_out_differs_between_epochs() {
    Lanes lanes = new Lanes(47, 8, 5, true);
    Set<Long> seen = new HashSet<>();
    for (long step = 1; step <= 30 * lanes.stepsPerEpoch(); step++) {
      seen.addAll(step(lanes, step));
    }
    assertEquals(47, seen.size());
  }

  @Test
  void unshuffled_steps_are_file_order_epoch_after_epoch() {
    Lanes lanes = new Lanes(23, 4, 9, false);
    for (long epoch = 0; epoch < 2; epoch++) {
      for (long s = 1; s <= 5; s++) {
        List<Long> expected = LongStream.range((s - 1) * 4, s * 4).boxed().toList();
        assertEquals(expected, step(lanes, epoch * 5 + s));
      }
    }
  }

  @Test
  void seed_and_epoch_change_the_order_and_nothing_else_does() {
    Lanes lanes = new Lanes(1000, 8, 5, true);
    assertEquals(step(lanes, 3), step(new Lanes(1000, 8, 5, true), 3));
    assertNotEquals(step(lanes, 3), step(new Lanes(1000, 8, 6, true), 3));
    assertNotEquals(step(lanes, 3), step(lanes, 3 + lanes.stepsPerEpoch()));
    // An epoch moves no sample to another lane.
    for (long step = 1; step <= 300; step++) {
      List<Long> samples = step(lanes, step);
      for (int lane = 0; lane < 8; lane++) {
        assertEquals(lane, lanes.lane(lanes.position(samples.get(lane))));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1,12", "1,4", "2,6", "2,1", "3,2", "4,3", "4,1", "12,1"})
  void a_step_is_the_same_samples_in_the_same_rows_on_any_number_of_ranks(int ranks, int micro) {
    Lanes lanes = new Lanes(151, 12, 21, true);
    Seats seats = new Seats(lanes);
    long slots = 0;
    for (int r = 0; r < ranks; r++) {
      slots += new RankLanes(lanes, r, ranks, micro).slots();
    }
    assertEquals(151, slots);
    for (long step = 1; step <= 3 * lanes.stepsPerEpoch(); step++) {
      List<Long> together = new ArrayList<>();
      for (int r = 0; r < ranks; r++) {
        RankLanes rank = new RankLanes(lanes, r, ranks, micro);
        assertEquals(12, ranks * micro * rank.accumulation());
        Set<Long> taken = new HashSet<>();
        for (int k = 0; k < rank.accumulation(); k++) {
          for (int row = 0; row < micro; row++) {
            int lane = rank.first() + k * micro + row;
            long place = lanes.placeAt(step, lane);
            long slot = rank.slot(lane, place);
            assertTrue(slot >= 0 && slot < rank.slots());
            assertTrue(taken.add(slot));
            together.add(seats.sampleAt(step, lane));
          }
        }
      }
      assertEquals(step(lanes, step), together);
    }
  }

  @Test
  void slots_of_a_rank_are_its_samples_one_to_one() {
    Lanes lanes = new Lanes(151, 12, 21, true);
    for (int r = 0; r < 3; r++) {
      RankLanes rank = new RankLanes(lanes, r, 3, 2);
      Set<Long> slots = new HashSet<>();
      for (long sample = 0; sample < 151; sample++) {
        long position = lanes.position(sample);
        int lane = lanes.lane(position);
        if (lane / rank.count() == r) {
          assertTrue(slots.add(rank.slot(lane, lanes.place(position))));
        }
      }
      assertEquals(rank.slots(), slots.size());
      assertTrue(slots.stream().allMatch(slot -> slot >= 0 && slot < rank.slots()));
    }
  }

  @Test
  void fewer_samples_than_a_global_batch_are_refused_with_both_numbers() {
    String message = assertThrows(DataException.class, () -> new Lanes(7, 8, 0, true)).getMessage();
    assertTrue(message.contains("7 samples") && message.contains("8"), message);
  }

  @Test
  void a_batch_that_does_not_divide_is_refused() {
    Lanes lanes = new Lanes(100, 12, 0, true);
    String message =
        assertThrows(DataException.class, () -> new RankLanes(lanes, 0, 2, 4)).getMessage();
    assertTrue(message.contains("12") && message.contains("micro-batches of 4"), message);
  }
}
