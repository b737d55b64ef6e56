package io.kiln.engine.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class JsonSectionTest {
  private static JsonSection read(String json) {
    try {
      return JsonSection.of("job", new ObjectMapper().readTree(json));
    } catch (java.io.IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static String message(Executable executable) {
    return assertThrows(ConfigException.class, executable).getMessage();
  }

  @Test
  void values_arrive_with_their_types() {
    JsonSection job =
        read(
            """
            {"name": "a", "on": true, "rate": 1e-3, "written": "5e-4", "size": 5e8, "count": 7,
             "nothing": null, "one": "x", "many": ["x", "y"], "betas": [0.9, 0.99],
             "inner": {"deep": 1}, "list": [{"k": 1}, {"k": 2}], "kind": "Fast"}
            """);
    assertEquals("a", job.requiredText("name"));
    assertTrue(job.flag("on", false));
    assertEquals(1e-3, job.requiredNumber("rate"));
    assertEquals(5e-4, job.requiredNumber("written"));
    assertEquals(500_000_000L, job.requiredWhole("size"));
    assertEquals(7, job.integerFrom(1, "count", 3));
    assertFalse(job.has("nothing"));
    assertEquals(9, job.whole("nothing", 9));
    assertEquals(List.of("x"), job.texts("one"));
    assertEquals(List.of("x", "y"), job.texts("many"));
    assertEquals(List.of(0.9, 0.99), job.numbers("betas"));
    assertEquals(1, job.requiredSection("inner").whole("deep", 0));
    assertEquals(
        List.of(1L, 2L), job.sections("list").stream().map(s -> s.requiredWhole("k")).toList());
    assertEquals(Optional.of(3), job.choice("kind", Map.of("fast", 3, "slow", 4)));
    job.finish();
  }

  @Test
  void a_mistyped_key_gets_the_nearest_known_one() {
    JsonSection job = read("{\"sequence_lenght\": 3}");
    job.whole("sequence_length", 1);
    job.whole("shuffle", 1);
    assertEquals(
        "job: unknown key \"sequence_lenght\": did you mean \"sequence_length\"?",
        message(job::finish));
  }

  @Test
  void a_key_like_no_other_gets_the_list() {
    JsonSection job = read("{\"zzzzz\": 3}");
    job.whole("path", 1);
    job.whole("format", 1);
    assertEquals("job: unknown key \"zzzzz\": known here are format, path", message(job::finish));
  }

  @Test
  void unknown_keys_of_opened_sections_are_found_from_the_root() {
    JsonSection job = read("{\"list\": [{\"k\": 1}, {\"k\": 1, \"kk\": 2}]}");
    job.sections("list").forEach(s -> s.whole("k", 0));
    assertEquals("job.list[1]: unknown key \"kk\": did you mean \"k\"?", message(job::finish));
  }

  @Test
  void wrong_types_are_named_with_path_and_value() {
    JsonSection job =
        read("{\"a\": \"x\", \"b\": 1.5, \"c\": {}, \"d\": true, \"e\": -1, \"f\": \"fsat\"}");
    assertEquals("job.a: must be a number, not \"x\"", message(() -> job.number("a")));
    assertEquals("job.b: must be a whole number, not 1.5", message(() -> job.whole("b")));
    assertEquals("job.c: must be a string, not an object", message(() -> job.text("c")));
    assertEquals("job.d: must be a number, not true", message(() -> job.number("d")));
    assertEquals("job.a: must be true or false, not \"x\"", message(() -> job.flag("a")));
    assertEquals("job.a: must be a JSON object, not \"x\"", message(() -> job.section("a")));
    assertEquals("job.e: must be at least 1, not -1", message(() -> job.wholeFrom(1, "e", 3)));
    assertEquals("job: needs the key \"g\"", message(() -> job.requiredText("g")));
    assertEquals(
        "job.f: there is no \"fsat\": did you mean \"fast\"?",
        message(() -> job.choice("f", Map.of("fast", 1))));
    assertEquals("job: must be a JSON object, not an array", message(() -> read("[]")));
  }
}
