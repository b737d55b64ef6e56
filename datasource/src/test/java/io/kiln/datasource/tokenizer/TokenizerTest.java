package io.kiln.datasource.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.DataException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {
  @TempDir Path directory;

  private static Path words() throws URISyntaxException {
    return Path.of(TokenizerTest.class.getResource("/tokenizers/words").toURI());
  }

  private static Tokenizer travelled(Tokenizer tokenizer) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    new ObjectOutputStream(bytes).writeObject(tokenizer);
    return (Tokenizer)
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
  }

  @Test
  void bytes_are_the_utf8_of_the_text() {
    Tokenizer tokenizer = new ByteTokenizer();
    assertArrayEquals(new int[] {'a', 0xc3, 0xa9, '\n'}, tokenizer.encode("aé\n"));
    assertEquals("aé\n", tokenizer.decode(new int[] {'a', 0xc3, 0xa9, '\n'}));
    assertEquals(256, tokenizer.vocabularySize());
    assertEquals(OptionalInt.empty(), tokenizer.endOfText());
  }

  @Test
  void bytes_that_are_no_utf8_decode_to_replacement_characters() {
    assertEquals("a\uFFFDb", new ByteTokenizer().decode(new int[] {'a', 0xc3, 'b'}));
    assertThrows(DataException.class, () -> new ByteTokenizer().decode(new int[] {256}));
  }

  @Test
  void characters_are_numbered_by_code_point() {
    // U+FF5E comes before U+1D11E, though a surrogate's code unit comes before FF5E.
    Tokenizer tokenizer = CharacterTokenizer.of("ba\n～𝄞b");
    assertArrayEquals(new int[] {0, 1, 2, 3, 4}, tokenizer.encode("\nab～𝄞"));
    assertEquals("𝄞～b", tokenizer.decode(new int[] {4, 3, 2}));
    assertEquals(5, tokenizer.vocabularySize());
    String message = assertThrows(DataException.class, () -> tokenizer.encode("abc")).getMessage();
    assertTrue(message.contains("c (U+0063)"), message);
  }

  @Test
  void every_tokenizer_survives_its_files_and_serialization() throws Exception {
    String text = "the kiln\n fires";
    for (Tokenizer tokenizer :
        new Tokenizer[] {
          new ByteTokenizer(),
          CharacterTokenizer.of(text + "\"\\é𝄞\u0000"),
          Tokenizer.load(words())
        }) {
      Path saved = Files.createDirectory(directory.resolve(tokenizer.getClass().getSimpleName()));
      tokenizer.save(saved);
      for (Tokenizer copy : new Tokenizer[] {Tokenizer.load(saved), travelled(tokenizer)}) {
        assertArrayEquals(tokenizer.encode(text), copy.encode(text));
        assertEquals(tokenizer.vocabularySize(), copy.vocabularySize());
        assertEquals(tokenizer.endOfText(), copy.endOfText());
        copy.close();
        assertArrayEquals(tokenizer.encode(text), copy.encode(text)); // opens again
        copy.close();
      }
      tokenizer.close();
    }
  }

  @Test
  void a_hugging_face_directory_encodes_whole_texts_without_special_tokens() throws Exception {
    try (Tokenizer tokenizer = Tokenizer.load(words())) {
      // More than the four tokens to which its own truncation would cut it.
      assertArrayEquals(
          new int[] {1, 2, 3, 1, 4, 5, 1, 6, 0},
          tokenizer.encode("the kiln fires the clay and the glaze quickly"));
      assertArrayEquals(new int[0], tokenizer.encode(""));
      assertEquals("the kiln <|endoftext|>", tokenizer.decode(new int[] {1, 2, 9}));
      assertEquals(10, tokenizer.vocabularySize());
      assertEquals(OptionalInt.of(9), tokenizer.endOfText());
      assertThrows(DataException.class, () -> tokenizer.decode(new int[] {10}));
    }
  }

  @Test
  void the_tokenizers_own_configuration_names_its_end_of_text() throws Exception {
    Map<String, byte[]> files = new LinkedHashMap<>(Tokenizer.load(words()).files());
    for (String token : new String[] {"\"</s>\"", "{\"content\": \"</s>\", \"special\": true}"}) {
      String config = "{\"eos_token\": " + token + "}";
      files.put("tokenizer_config.json", config.getBytes(StandardCharsets.UTF_8));
      try (Tokenizer tokenizer = Tokenizer.ofFiles(files, "here")) {
        assertEquals(OptionalInt.of(7), tokenizer.endOfText());
        assertEquals(files.keySet(), tokenizer.files().keySet());
      }
    }
  }

  @Test
  void a_text_that_a_hugging_face_tokenizer_cannot_spell_is_bad_data() {
    String json =
        """
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
         "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
         "decoder": null,
         "model": {"type": "WordLevel", "vocab": {"kiln": 0}, "unk_token": "[UNK]"}}
        """;
    Map<String, byte[]> files = Map.of("tokenizer.json", json.getBytes(StandardCharsets.UTF_8));
    try (Tokenizer tokenizer = Tokenizer.ofFiles(files, "here")) {
      assertArrayEquals(new int[] {0}, tokenizer.encode("kiln"));
      String message =
          assertThrows(DataException.class, () -> tokenizer.encode("oven")).getMessage();
      assertTrue(message.startsWith("The tokenizer of here cannot spell a text: "), message);
      assertEquals(1, message.lines().count(), message);
    }
  }

  @Test
  void what_is_no_tokenizer_is_refused_in_one_line() throws IOException {
    String none = assertThrows(DataException.class, () -> Tokenizer.load(directory)).getMessage();
    assertTrue(none.contains("No tokenizer in " + directory), none);
    for (String json : new String[] {"{", "{}", "{\"model\": {\"vocab\": {\"a\": 0}}}"}) {
      Files.writeString(directory.resolve("tokenizer.json"), json);
      String message =
          assertThrows(DataException.class, () -> Tokenizer.load(directory)).getMessage();
      assertTrue(message.contains("tokenizer.json"), message);
      assertEquals(1, message.lines().count(), message);
    }
  }
}
