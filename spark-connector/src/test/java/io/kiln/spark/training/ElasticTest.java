package io.kiln.spark.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.spark.barrier.RestartPolicy;
import io.kiln.spark.job.CheckpointSection;
import io.kiln.spark.job.RecoverySection;
import io.kiln.spark.job.TrainingSection;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ElasticTest {
  /** Batch 8 of micro-batches of 2: 1, 2 or 4 ranks. */
  private static final String ELASTIC =
      """
      {"elasticity": {"enabled": true, "max_train_batch_size": 8, "micro_batch_sizes": [2],
                      "min_gpus": 1, "max_gpus": 100, "version": 0.1}}
      """;

  private static TrainingSection training(OptionalLong interval, String resume) {
    return new TrainingSection(
        OptionalLong.of(10),
        OptionalDouble.empty(),
        0,
        OptionalLong.empty(),
        OptionalLong.empty(),
        new CheckpointSection(Optional.empty(), interval, OptionalDouble.empty(), resume, 2, 0, 3),
        RecoverySection.DEFAULT);
  }

  private static RestartPolicy policy(
      String deepspeed, int ranks, int most, TrainingSection training) throws Exception {
    JsonNode json = new ObjectMapper().readTree(deepspeed);
    return Elastic.of(json, ranks, most, training).policy(ranks, training);
  }

  private static String fitting(RestartPolicy policy) {
    return IntStream.rangeClosed(0, 6)
        .map(policy.fitting())
        .mapToObj(Integer::toString)
        .reduce("", String::concat);
  }

  @Test
  void the_largest_valid_number_that_slots_have_room_for_goes_on() throws Exception {
    TrainingSection training = training(OptionalLong.of(5), "auto");
    // Without any slot: as many as before.
    assertEquals("2122444", fitting(policy(ELASTIC, 2, Integer.MAX_VALUE, training)));
  }

  @Test
  void no_more_than_were_asked_for() throws Exception {
    TrainingSection training = training(OptionalLong.of(5), "auto");
    assertEquals("2122222", fitting(policy(ELASTIC, 2, 2, training)));
  }

  @Test
  void without_elasticity_the_number_stays() throws Exception {
    TrainingSection training = training(OptionalLong.of(5), "auto");
    assertEquals("2222222", fitting(policy("{}", 2, 2, training)));
  }

  @Test
  void without_checkpoints_to_go_on_from_it_stays_too() throws Exception {
    TrainingSection none = training(OptionalLong.empty(), "auto");
    assertEquals("2222222", fitting(policy(ELASTIC, 2, Integer.MAX_VALUE, none)));
  }

  @Test
  void a_run_that_began_anew_on_purpose_has_checkpoints_of_its_own() throws Exception {
    TrainingSection anew = training(OptionalLong.of(5), "never");
    assertEquals("2122444", fitting(policy(ELASTIC, 2, Integer.MAX_VALUE, anew)));
  }
}
