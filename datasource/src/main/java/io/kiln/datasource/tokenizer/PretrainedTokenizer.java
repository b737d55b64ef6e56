package io.kiln.datasource.tokenizer;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.databind.JsonNode;
import io.kiln.datasource.DataException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A Hugging Face tokenizer.json, run by the tokenizers library itself. DJL's own wrapper is left
 * aside: it truncates by default, and reports its use over the network.
 */
public final class PretrainedTokenizer implements Tokenizer {
  private static final long serialVersionUID = 1L;
  private static final List<String> END_OF_TEXT =
      List.of("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|im_end|>");

  private final LinkedHashMap<String, byte[]> files;
  private final String where;
  private final int vocabularySize;
  private final int endOfText;

  /** Of the native tokenizer; 0 until it is needed. */
  private transient long handle;

  private PretrainedTokenizer(
      LinkedHashMap<String, byte[]> files, String where, int vocabularySize, int endOfText) {
    this.files = files;
    this.where = where;
    this.vocabularySize = vocabularySize;
    this.endOfText = endOfText;
  }

  static PretrainedTokenizer of(Map<String, byte[]> files, String where) {
    String file = where + "/" + TokenizerFiles.HUGGING_FACE;
    JsonNode json = TokenizerFiles.parse(files.get(TokenizerFiles.HUGGING_FACE), file);
    Map<String, Integer> ids = vocabulary(json, file);
    int size = 1 + ids.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
    PretrainedTokenizer tokenizer =
        new PretrainedTokenizer(
            new LinkedHashMap<>(files), where, size, endOfText(files, ids, where));
    tokenizer.handle(); // A file that the library refuses is refused here, not in a task.
    return tokenizer;
  }

  private static Map<String, Integer> vocabulary(JsonNode json, String file) {
    Map<String, Integer> ids = new HashMap<>();
    JsonNode vocabulary = json.path("model").path("vocab");
    if (vocabulary.isArray()) { // Unigram: [token, score] in the order of the ids.
      for (int i = 0; i < vocabulary.size(); i++) {
        ids.put(vocabulary.get(i).path(0).asText(), i);
      }
    } else {
      vocabulary.properties().forEach(entry -> ids.put(entry.getKey(), entry.getValue().asInt()));
    }
    for (JsonNode added : json.path("added_tokens")) {
      ids.put(added.path("content").asText(), added.path("id").asInt());
    }
    if (ids.isEmpty()) {
      throw new DataException(file + " has no vocabulary: is it a Hugging Face tokenizer?");
    }
    return ids;
  }

  private static int endOfText(Map<String, byte[]> files, Map<String, Integer> ids, String where) {
    for (String name : List.of(TokenizerFiles.CONFIG, TokenizerFiles.SPECIAL_TOKENS)) {
      if (files.containsKey(name)) {
        JsonNode token =
            TokenizerFiles.parse(files.get(name), where + "/" + name).path("eos_token");
        String content = token.isObject() ? token.path("content").asText() : token.asText("");
        if (ids.containsKey(content)) {
          return ids.get(content);
        }
      }
    }
    return END_OF_TEXT.stream().filter(ids::containsKey).findFirst().map(ids::get).orElse(-1);
  }

  @Override
  public synchronized int[] encode(String text) {
    TokenizersLibrary library = TokenizersLibrary.LIB;
    long encoding;
    try {
      encoding = library.encode(handle(), text, false);
    } catch (RuntimeException refused) {
      throw new DataException(
          "The tokenizer of " + where + " cannot spell a text: " + refused.getMessage(), refused);
    }
    try {
      long[] ids = library.getTokenIds(encoding);
      int[] tokens = new int[ids.length];
      for (int i = 0; i < ids.length; i++) {
        tokens[i] = (int) ids[i];
      }
      return tokens;
    } finally {
      library.deleteEncoding(encoding);
    }
  }

  @Override
  public synchronized String decode(int[] tokens) {
    long[] ids = new long[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= vocabularySize) {
        throw new DataException(
            "Token " + tokens[i] + " is not in the vocabulary of " + vocabularySize);
      }
      ids[i] = tokens[i];
    }
    return TokenizersLibrary.LIB.decode(handle(), ids, false);
  }

  private synchronized long handle() {
    if (handle == 0) {
      String json = new String(files.get(TokenizerFiles.HUGGING_FACE), StandardCharsets.UTF_8);
      try {
        TokenizerNatives.prepare();
        LibUtils.checkStatus();
        long created = TokenizersLibrary.LIB.createTokenizerFromString(json);
        TokenizersLibrary.LIB.disablePadding(created);
        TokenizersLibrary.LIB.disableTruncation(created);
        handle = created;
      } catch (RuntimeException | LinkageError e) {
        throw new DataException(
            "The tokenizers library cannot use the tokenizer.json of "
                + where
                + ": "
                + e.getMessage(),
            e);
      }
    }
    return handle;
  }

  @Override
  public int vocabularySize() {
    return vocabularySize;
  }

  @Override
  public OptionalInt endOfText() {
    return endOfText < 0 ? OptionalInt.empty() : OptionalInt.of(endOfText);
  }

  @Override
  public Map<String, byte[]> files() {
    return new LinkedHashMap<>(files);
  }

  @Override
  public synchronized void close() {
    if (handle != 0) {
      TokenizersLibrary.LIB.deleteTokenizer(handle);
      handle = 0;
    }
  }
}
