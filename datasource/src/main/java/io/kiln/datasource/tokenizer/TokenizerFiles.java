package io.kiln.datasource.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.datasource.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;

/** The files of a tokenizer and how they are told apart. */
final class TokenizerFiles {
  /** Ours, for bytes and characters. */
  static final String KILN = "kiln_tokenizer.json";

  /** Hugging Face's tokenizers library. */
  static final String HUGGING_FACE = "tokenizer.json";

  static final String CONFIG = "tokenizer_config.json";
  static final String SPECIAL_TOKENS = "special_tokens_map.json";

  /** All that are looked for; the last two go with tokenizer.json, as do its older forms. */
  static final List<String> NAMES =
      List.of(KILN, HUGGING_FACE, CONFIG, SPECIAL_TOKENS, "vocab.json", "merges.txt", "vocab.txt");

  private static final ObjectMapper JSON = new ObjectMapper();

  private TokenizerFiles() {}

  static Tokenizer read(Map<String, byte[]> files, String where) {
    if (files.containsKey(KILN)) {
      JsonNode node = parse(files.get(KILN), where + "/" + KILN);
      return switch (node.path("type").asText()) {
        case "bytes" -> new ByteTokenizer();
        case "chars" -> CharacterTokenizer.of(node.path("characters").asText());
        default ->
            throw new DataException(
                where
                    + "/"
                    + KILN
                    + ": type is \""
                    + node.path("type").asText()
                    + "\", known are bytes and chars");
      };
    }
    if (files.containsKey(HUGGING_FACE)) {
      return PretrainedTokenizer.of(files, where);
    }
    throw new DataException(
        "No tokenizer in "
            + where
            + ": a "
            + HUGGING_FACE
            + " (Hugging Face) or "
            + KILN
            + " is needed; data.tokenizer is bytes, chars or such a directory");
  }

  static JsonNode parse(byte[] json, String where) {
    try {
      return JSON.readTree(json);
    } catch (IOException e) {
      throw new DataException(where + " is not JSON: " + e.getMessage().lines().findFirst().get());
    }
  }

  static byte[] kiln(String type, String characters) {
    ObjectNode node = JSON.createObjectNode().put("type", type);
    if (characters != null) {
      node.put("characters", characters);
    }
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(node);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
