package io.kiln.datasource.tokenizer;

import io.kiln.datasource.DataException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.OptionalInt;

/**
 * An id for each of the 256 byte values of UTF-8. Decoding puts U+FFFD where bytes are no UTF-8, as
 * a model's may be.
 */
public final class ByteTokenizer implements Tokenizer {
  private static final long serialVersionUID = 1L;

  /** There is one for each value of a byte. */
  public static final int VOCABULARY = 256;

  @Override
  public int[] encode(String text) {
    return encodeUtf8(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public int[] encodeUtf8(byte[] text) {
    int[] tokens = new int[text.length];
    for (int i = 0; i < text.length; i++) {
      tokens[i] = text[i] & 0xff;
    }
    return tokens;
  }

  @Override
  public String decode(int[] tokens) {
    byte[] bytes = new byte[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || tokens[i] >= VOCABULARY) {
        throw new DataException("Token " + tokens[i] + " is no byte: ids go from 0 to 255");
      }
      bytes[i] = (byte) tokens[i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public int vocabularySize() {
    return VOCABULARY;
  }

  @Override
  public OptionalInt endOfText() {
    return OptionalInt.empty();
  }

  @Override
  public Map<String, byte[]> files() {
    return Map.of(TokenizerFiles.KILN, TokenizerFiles.kiln("bytes", null));
  }
}
