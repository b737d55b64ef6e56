package io.kiln.datasource;

import static io.kiln.datasource.Corpora.section;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DataSectionTest {
  @Test
  void the_section_refuses_what_contradicts_itself() {
    assertThrows(DataException.class, () -> section("{'feature_columns': 'x'}"));
    assertThrows(DataException.class, () -> section("{'validation_fraction': 1}"));
    assertThrows(
        IllegalArgumentException.class,
        () -> section("{'feature_columns': 'x', 'label_column': 'y', 'text_column': 'z'}"));
    for (String ofText : List.of("'tokenizer': 'bytes'", "'sequence_length': 4")) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> section("{'feature_columns': 'x', 'label_column': 'y', " + ofText + "}"))
              .getMessage();
      assertTrue(message.startsWith("data." + ofText.split("'")[1] + ": is for text"), message);
    }
    assertThrows(IllegalArgumentException.class, () -> section("{'sequence_lenght': 4}"));
    assertEquals("value", section("{}").textColumnOf(List.of("value")));
    assertEquals("text", section("{}").textColumnOf(List.of("id", "text", "value")));
    assertEquals("id", section("{'text_column': 'id'}").textColumnOf(List.of("id", "text")));
    assertEquals(List.of("a", "b"), section("{'path': ['a', 'b']}").path());
  }
}
