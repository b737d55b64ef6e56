package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import java.util.Base64;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * What a run is, as its checkpoints tell it.
 *
 * @param same what a run that goes on from a checkpoint must have as the checkpoint has it, or its
 *     samples would be others: {@code seed}, {@code train_batch_size}, the data
 * @param told everything else that is worth telling. Of it {@code model} must compute the same
 *     function, and {@code columns} and {@code tokenizer}, which say what goes into it, must be the
 *     same; the DeepSpeed configuration may change
 */
public record RunDescription(ObjectNode same, ObjectNode told) {
  static final String MEND = ": give it the same, or start anew in another checkpoint_dir";

  private static final String SAME = "run";
  private static final String MODEL = "model";
  private static final String COLUMNS = "columns";
  private static final String TOKENIZER = "tokenizer";

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
   * @throws ConfigException if something differs, naming the first
   */
  void requireSame(String where, JsonNode content) {
    if (told.has(MODEL) && content.has(MODEL)) {
      requireSame(
          where + " is of another model: it has " + MODEL + ".",
          function(content.path(MODEL)),
          function(told.path(MODEL)));
    }
    String run = where + " is of a run with ";
    requireSame(run, content.path(SAME), same);
    requireSame(
        run + "data.", content.path(COLUMNS), named(told.path(COLUMNS), content.path(COLUMNS)));
    if (content.has(TOKENIZER)) {
      requireSame(
          run + "data.tokenizer's file ",
          files(content.path(TOKENIZER)),
          files(told.path(TOKENIZER)));
    }
  }

  private static void requireSame(String before, JsonNode theirs, ObjectNode ours) {
    for (Map.Entry<String, JsonNode> own : ours.properties()) {
      JsonNode there = theirs.path(own.getKey());
      // As text: a number read back may be of another Java type.
      if (!there.toString().equals(own.getValue().toString())) {
        throw new ConfigException(
            "training.resume",
            before
                + own.getKey()
                + " "
                + (there.isMissingNode() ? "unknown" : there)
                + ", this one has "
                + own.getValue()
                + MEND);
      }
    }
  }

  /** Parsed, because what one side leaves out the other may have spelled. */
  private static ObjectNode function(JsonNode model) {
    return ModelFamilies.parse(MODEL, model, DataSizes.unknown()).function();
  }

  /** Columns that both sides name: a column of text may be left to the data. */
  private static ObjectNode named(JsonNode ours, JsonNode theirs) {
    ObjectNode both = JsonNodeFactory.instance.objectNode();
    for (Map.Entry<String, JsonNode> own : ours.properties()) {
      if (theirs.has(own.getKey())) {
        both.set(own.getKey(), own.getValue());
      }
    }
    return both;
  }

  /** What an error can show of files that are told in base64. */
  private static ObjectNode files(JsonNode base64) {
    ObjectNode shown = JsonNodeFactory.instance.objectNode();
    for (Map.Entry<String, JsonNode> file : base64.properties()) {
      byte[] bytes = Base64.getDecoder().decode(file.getValue().asText());
      CRC32C checksum = new CRC32C();
      checksum.update(bytes);
      shown.put(
          file.getKey(), "of %d bytes, CRC-32C %08x".formatted(bytes.length, checksum.getValue()));
    }
    return shown;
  }
}
