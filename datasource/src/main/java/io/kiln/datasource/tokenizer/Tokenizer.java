package io.kiln.datasource.tokenizer;

import io.kiln.datasource.DataException;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Text to token ids in [0, vocabularySize) and back. Travels to Spark's tasks by serialization; a
 * copy may hold native memory from its first use until it is closed, and may be used again after.
 */
public sealed interface Tokenizer extends Serializable, AutoCloseable
    permits ByteTokenizer, CharacterTokenizer, PretrainedTokenizer {

  /**
   * The ids of a text, without any special token added.
   *
   * @throws DataException if it has a character that the vocabulary lacks and cannot spell
   */
  int[] encode(String text);

  /** The same of text in UTF-8. */
  default int[] encodeUtf8(byte[] text) {
    return encode(new String(text, StandardCharsets.UTF_8));
  }

  /**
   * The text that ids stand for; special tokens are spelled out.
   *
   * @throws DataException if an id lies outside the vocabulary
   */
  String decode(int[] tokens);

  /** Ids that exist: the greatest one and one more. */
  int vocabularySize();

  /** The token that ends a document, if there is one. */
  OptionalInt endOfText();

  /** The files that carry it in a model's directory, by name: text that a person can read. */
  Map<String, byte[]> files();

  /** Writes its {@link #files} into a directory that exists. */
  default void save(Path directory) {
    try {
      for (Map.Entry<String, byte[]> file : files().entrySet()) {
        Files.write(directory.resolve(file.getKey()), file.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The tokenizer cannot be written to " + directory, e);
    }
  }

  /** Names that {@link #files} may have, for who reads them from elsewhere. */
  static List<String> fileNames() {
    return TokenizerFiles.NAMES;
  }

  /**
   * Reads what {@link #save} wrote, or a Hugging Face directory with a tokenizer.json.
   *
   * @throws DataException if there is neither
   */
  static Tokenizer load(Path directory) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    try {
      for (String name : TokenizerFiles.NAMES) {
        Path file = directory.resolve(name);
        if (Files.isRegularFile(file)) {
          files.put(name, Files.readAllBytes(file));
        }
      }
    } catch (IOException e) {
      throw new DataException("The tokenizer in " + directory + " cannot be read: " + e, e);
    }
    return ofFiles(files, directory.toString());
  }

  /**
   * The same from files that were read elsewhere.
   *
   * @param where they came from, for messages
   */
  static Tokenizer ofFiles(Map<String, byte[]> files, String where) {
    return TokenizerFiles.read(files, where);
  }

  /** Frees native memory, if there is any. */
  @Override
  default void close() {}
}
