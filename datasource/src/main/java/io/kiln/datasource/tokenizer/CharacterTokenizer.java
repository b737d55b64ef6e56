package io.kiln.datasource.tokenizer;

import io.kiln.datasource.DataException;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;

/** An id for each distinct character (Unicode code point) of a corpus, in code point order. */
public final class CharacterTokenizer implements Tokenizer {
  private static final long serialVersionUID = 1L;

  private final int[] characters;

  /** Ids by code point, of the first characters only: most text needs no search. */
  private transient int[] table;

  private CharacterTokenizer(int[] characters) {
    if (characters.length == 0) {
      throw new DataException("The vocabulary of characters is empty: is the corpus?");
    }
    this.characters = characters;
  }

  /** Of the characters of a text, in any order, repeated or not. */
  public static CharacterTokenizer of(String text) {
    return of(text.codePoints().toArray());
  }

  /** Of code points, in any order, repeated or not. */
  public static CharacterTokenizer of(int[] codePoints) {
    return new CharacterTokenizer(Arrays.stream(codePoints).sorted().distinct().toArray());
  }

  @Override
  public int[] encode(String text) {
    int[] ids = table();
    int[] tokens = new int[text.codePointCount(0, text.length())];
    int count = 0;
    for (int i = 0; i < text.length(); ) {
      int character = text.codePointAt(i);
      i += Character.charCount(character);
      int id = character < ids.length ? ids[character] : Arrays.binarySearch(characters, character);
      if (id < 0) {
        throw new DataException(
            "The character "
                + Character.toString(character)
                + String.format(" (U+%04X)", character)
                + " is not among the "
                + characters.length
                + " of the vocabulary: use the tokenizer bytes for text that was not trained on");
      }
      tokens[count++] = id;
    }
    return tokens;
  }

  private int[] table() {
    if (table == null) {
      int[] ids = new int[1 << 12];
      Arrays.fill(ids, -1);
      for (int id = 0; id < characters.length && characters[id] < ids.length; id++) {
        ids[characters[id]] = id;
      }
      table = ids;
    }
    return table;
  }

  @Override
  public String decode(int[] tokens) {
    StringBuilder text = new StringBuilder(tokens.length);
    for (int token : tokens) {
      if (token < 0 || token >= characters.length) {
        throw new DataException(
            "Token " + token + " is no character: ids go from 0 to " + (characters.length - 1));
      }
      text.appendCodePoint(characters[token]);
    }
    return text.toString();
  }

  @Override
  public int vocabularySize() {
    return characters.length;
  }

  @Override
  public OptionalInt endOfText() {
    return OptionalInt.empty();
  }

  @Override
  public Map<String, byte[]> files() {
    String all = new String(characters, 0, characters.length);
    return Map.of(TokenizerFiles.KILN, TokenizerFiles.kiln("chars", all));
  }
}
