package io.kiln.engine.train.recovery;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.LocalCheckpointStore;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.train.FromSeed;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The plan against what is allocated. */
class RecoveryMemoryTest {
  @TempDir Path folder;

  private record Held(RecoveryMemory planned, RecoveryMemory allocated) {}

  @ParameterizedTest
  @CsvSource({"1, 0, fp32, AdamW", "2, 0, fp32, SGD", "3, 2, bf16, AdamW", "4, 3, fp32, AdamW"})
  void the_plan_is_what_the_fullest_rank_allocates(
      int ranks, int stage, String dtype, String optimizer) {
    ObjectNode config = RecoveryRun.config(stage, 1);
    config.put("train_batch_size", 12).remove("scheduler");
    config.putObject("optimizer").put("type", optimizer).putObject("params").put("lr", 0.01);
    if (!dtype.equals("fp32")) {
      config.putObject(dtype).put("enabled", true);
    }
    List<Held> held = LocalRanks.run(ranks, communicator -> held(communicator, config));
    long checkpoint = held.stream().mapToLong(one -> one.allocated().checkpoint()).max().orElse(0);
    for (Held one : held) {
      assertEquals(checkpoint, one.planned().checkpoint());
      assertEquals(one.allocated().redundancy(), one.planned().redundancy());
    }
  }

  private Held held(Communicator communicator, ObjectNode config) throws Exception {
    DeepSpeedConfig parsed = DeepSpeedConfig.parse(config, communicator.size());
    RunDescription description =
        new RunDescription(
            RecoveryRun.JSON.createObjectNode(), RecoveryRun.JSON.createObjectNode());
    try (Model model =
            ModelFamilies.parse(
                    "model", RecoveryRun.JSON.readTree(RecoveryRun.MODEL), DataSizes.unknown())
                .model();
        Training training =
            new Training(new TrainingPlan(model, parsed, 1, "cpu"), communicator, new FromSeed(1));
        Checkpointing checkpointing =
            new Checkpointing(
                new CheckpointFolder(new LocalCheckpointStore(folder)),
                RecoveryRun.policy(3, 2, 3, Duration.ofSeconds(60)),
                training,
                description,
                communicator,
                new CheckpointListener() {},
                () -> false);
        KeptShards kept = new KeptShards()) {
      Redundancy redundancy =
          new Redundancy(kept, 1, "here", training, communicator, new CheckpointListener() {});
      return new Held(
          RecoveryMemory.of(new TrainingPlan(model, parsed, 1, "cpu"), communicator.size()),
          new RecoveryMemory(checkpointing.bytes(), redundancy.bytes()));
    }
  }
}
