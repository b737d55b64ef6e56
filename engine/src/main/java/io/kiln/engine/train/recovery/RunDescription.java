package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.ConfigException;
import java.util.Map;

/**
 * What a run is, as its checkpoints tell it.
 *
 * @param same what a run that goes on from a checkpoint must have as the checkpoint has it, or its
 *     samples would be others: {@code seed}, {@code train_batch_size}, the data
 * @param told everything else that is worth telling: model, DeepSpeed configuration, tokenizer
 */
public record RunDescription(ObjectNode same, ObjectNode told) {
  private static final String SAME = "run";

  public RunDescription {
    same = same.deepCopy();
    told = told.deepCopy();
  }

  void put(ObjectNode json) {
    json.set(SAME, same.deepCopy());
    json.setAll(told.deepCopy());
  }

  /**
   * Checks that a checkpoint belongs to this run.
   *
   * @throws ConfigException if something differs, naming it
   */
  void requireSame(String where, JsonNode content) {
    JsonNode theirs = content.path(SAME);
    for (Map.Entry<String, JsonNode> ours : same.properties()) {
      JsonNode there = theirs.path(ours.getKey());
      // As text: a number read back may be of another Java type.
      if (!there.toString().equals(ours.getValue().toString())) {
        throw new ConfigException(
            "training.resume",
            where
                + " is of a run with "
                + ours.getKey()
                + " "
                + (there.isMissingNode() ? "unknown" : there)
                + ", this one has "
                + ours.getValue()
                + ": give it the same, or start anew in another checkpoint_dir");
      }
    }
  }
}
