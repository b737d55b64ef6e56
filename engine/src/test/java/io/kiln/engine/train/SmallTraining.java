package io.kiln.engine.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;

/** Models and configurations that train in milliseconds. */
final class SmallTraining {
  private SmallTraining() {}

  private static final ObjectMapper JSON = new ObjectMapper();
  static final int VOCABULARY = 31;
  static final int TIME = 16;
  static final int BATCH = 16;
  static final double CLIP = 0.5;
  static final double LEARNING_RATE = 1e-3;

  /**
   * Above the rounding error of a gradient (about 1e-9 here): where a gradient is zero but for
   * rounding, Adam with a smaller one takes a whole step in the direction of the error.
   */
  static final double EPSILON = 1e-6;

  static final long SEED = 42;

  static final String TIED =
      """
      {"model_type": "gpt2", "n_layer": 3, "n_head": 2, "n_embd": 32, "n_positions": 16,
       "vocab_size": 31, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}
      """;
  static final String UNTIED =
      """
      {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4,
       "num_key_value_heads": 2, "hidden_size": 32, "intermediate_size": 48,
       "max_position_embeddings": 16, "vocab_size": 31}
      """;

  static Model model(String config) throws Exception {
    return ModelFamilies.parse("model", JSON.readTree(config), DataSizes.unknown()).model();
  }

  /** Small blocks are gathered too: the persistence threshold is 0. */
  static ObjectNode config(int stage, int accumulation) throws Exception {
    return (ObjectNode)
        JSON.readTree(
            """
            {"train_batch_size": %d, "gradient_accumulation_steps": %d, "gradient_clipping": %s,
             "optimizer": {"type": "AdamW", "params": {"lr": %s, "eps": %s, "weight_decay": 0.1}},
             "zero_optimization": {"stage": %d, "stage3_param_persistence_threshold": 0}}
            """
                .formatted(BATCH, accumulation, CLIP, LEARNING_RATE, EPSILON, stage));
  }

  /** A rank's training of {@code model}, which the caller closes. */
  static Training training(Model model, ObjectNode config, Communicator communicator) {
    return new Training(
        new TrainingPlan(model, DeepSpeedConfig.parse(config, communicator.size()), SEED, "cpu"),
        communicator);
  }
}
