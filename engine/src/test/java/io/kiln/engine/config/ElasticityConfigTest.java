package io.kiln.engine.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Expected batches, micro-batches and numbers are what DeepSpeed's own code answered when it was
 * run (0.19.6, deepspeed/elasticity); the cases called published are those of its unit tests,
 * tests/unit/elasticity/test_elastic.py.
 */
class ElasticityConfigTest {
  private static final String PUBLISHED =
      """
      "max_train_batch_size": 10000, "micro_batch_sizes": [8, 12, 16, 17], "min_gpus": 32,
      "max_gpus": 1500, "min_time": 20""";

  private static final List<Integer> PUBLISHED_RANKS =
      List.of(
          32, 34, 36, 48, 51, 64, 68, 72, 96, 102, 136, 144, 153, 192, 204, 272, 288, 306, 408, 576,
          612, 816, 1224);

  private static final String SMALL =
      """
      "max_train_batch_size": 24, "micro_batch_sizes": [2, 4]""";

  private static JsonNode json(String section, String beside) {
    try {
      return new ObjectMapper()
          .readTree(
              "{\"elasticity\": {\"enabled\": true, %s} %s}"
                  .formatted(section, beside.isEmpty() ? "" : ", " + beside));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }

  private static DeepSpeedConfig parse(String section, int ranks) {
    return DeepSpeedConfig.parse(json(section, ""), ranks);
  }

  private static ElasticityConfig elasticity(String section) {
    return DeepSpeedConfig.elasticity(json(section, "")).orElseThrow();
  }

  private static String refusal(String section, int ranks) {
    return assertThrows(ConfigException.class, () -> parse(section, ranks)).getMessage();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.1", "0.2", "\"0.1\""})
  void the_published_section_of_ten_thousand(String version) {
    ElasticBatch batch = elasticity(PUBLISHED + ", \"version\": " + version).batch();
    assertEquals(9792, batch.global());
    assertEquals(23, batch.ranks().size());
    assertEquals(PUBLISHED_RANKS, batch.ranks());
  }

  @Test
  void the_published_valid_number_takes_the_largest_micro_batch() {
    DeepSpeedConfig config = parse(PUBLISHED + ", \"version\": 0.1", 64);
    assertEquals(new BatchSizes(9792, 17, 9), config.batch());
    assertEquals(List.of("deepspeed.elasticity.min_time has no effect in Kiln"), config.notes());
    assertEquals(PUBLISHED_RANKS, config.elasticity().orElseThrow().batch().ranks());
  }

  @Test
  void the_published_invalid_number_is_refused_with_the_batch_and_the_valid_ones() {
    assertEquals(
        "deepspeed.elasticity: 128 ranks are not valid for a batch of 9792 samples: the number of"
            + " ranks can be 32, 34, 36, 48, 51, 64, 68, 72, 96, 102, 136, 144, 153, 192, 204, 272,"
            + " 288, 306, 408, 576, 612, 816 or 1224",
        refusal(PUBLISHED + ", \"version\": 0.1", 128));
  }

  @Test
  void the_published_small_batches() {
    String proper =
        """
        "max_train_batch_size": 32, "micro_batch_sizes": [1, 2, 3, 7], "max_gpus": 1500,
        "version": 0.1""";
    assertEquals(
        new ElasticBatch(24, List.of(1, 2, 3, 4, 6, 8, 12, 24)), elasticity(proper).batch());
    assertEquals(new BatchSizes(24, 3, 2), parse(proper, 4).batch());
    String within =
        """
        "max_train_batch_size": 100, "micro_batch_sizes": [8, 10, 12], "max_gpus": 1500,
        "version": 0.1""";
    assertEquals(new ElasticBatch(96, List.of(1, 2, 3, 4, 6, 8, 12)), elasticity(within).batch());
  }

  @Test
  void published_model_parallelism_divides_the_ranks_of_a_node() {
    String section = PUBLISHED + ", \"model_parallel_size\": 4, \"num_gpus_per_node\": 8";
    // DeepSpeed lists 8, 10, 12, 16 ... and refuses 64, because 64 is not listed; and takes 72.
    assertEquals(
        72,
        parse(section, 72).batch().global()
            / parse(section, 72).batch().micro()
            / parse(section, 72).batch().accumulation());
    assertTrue(refusal(section, 64).contains("64 ranks are not valid"));
    assertTrue(refusal(section, 16).contains("16 ranks are not valid"));
  }

  @Test
  void version_02_is_the_default_and_gives_another_number_a_batch_of_its_own() {
    DeepSpeedConfig config = parse(PUBLISHED, 128);
    assertEquals(new BatchSizes(9216, 12, 6), config.batch());
    assertEquals(2, config.notes().size());
    assertEquals(
        "deepspeed.elasticity: a batch of 20 samples, for 5 ranks alone; with 1, 2, 3, 4, 6 or"
            + " 12 it is 24",
        parse(SMALL, 5).notes().get(0));
    assertEquals(new BatchSizes(20, 4, 1), parse(SMALL, 5).batch());
    assertEquals(List.of(), parse(SMALL, 6).notes());
  }

  @Test
  void version_02_refuses_a_number_that_no_micro_batch_fits() {
    // DeepSpeed computes a batch of 0 samples here and fails later.
    assertEquals(
        "deepspeed.elasticity: 13 ranks are not valid for a batch of 24 samples: the number of ranks"
            + " can be 1, 2, 3, 4, 6 or 12",
        refusal(SMALL, 13));
  }

  @Test
  void nodes_come_whole() {
    ElasticityConfig config = elasticity(SMALL + ", \"num_gpus_per_node\": 2");
    assertEquals(new ElasticBatch(24, List.of(2, 4, 6, 12)), config.batch());
    assertEquals(4, config.largestUpTo(5));
  }

  @Test
  void a_fit_for_the_slots_there_are() {
    ElasticityConfig config = elasticity(PUBLISHED);
    assertEquals(51, config.largestUpTo(63));
    assertEquals(64, config.largestUpTo(64));
    assertEquals(1224, config.largestUpTo(Integer.MAX_VALUE));
    assertEquals(
        "deepspeed.elasticity: 3 slots are too few for a batch of 16 samples: the number of"
            + " ranks can be 4",
        assertThrows(
                ConfigException.class,
                () ->
                    elasticity(
                            """
                            "max_train_batch_size": 17, "micro_batch_sizes": [4], "min_gpus": 4""")
                        .largestUpTo(3))
            .getMessage());
  }

  @Test
  void bounds_that_no_number_meets_are_refused_as_such() {
    String section = SMALL + ", \"min_gpus\": 50, \"max_gpus\": 60, \"version\": 0.1";
    String line =
        "deepspeed.elasticity: no number of ranks from min_gpus 50 to max_gpus 60 is valid for a"
            + " batch of 24 samples: widen them";
    assertEquals(line, refusal(section, 55));
    assertEquals(
        line,
        assertThrows(ConfigException.class, () -> elasticity(section).largestUpTo(100))
            .getMessage());
  }

  @Test
  void bounds_that_no_number_meets_are_as_in_deepspeed_under_version_02() {
    String section = SMALL + ", \"min_gpus\": 50, \"max_gpus\": 60, \"prefer_larger_batch\": ";
    // DeepSpeed answers (24, [2], 4) for the first and fails with a TypeError for the second.
    assertEquals(new BatchSizes(24, 4, 3), parse(section + true, 2).batch());
    assertTrue(refusal(section + false, 2).contains("is valid for a batch of 2 samples"));
  }

  static Stream<String> answers() throws IOException {
    try (InputStream stream =
        ElasticityConfigTest.class.getResourceAsStream("elastic-answers.txt")) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"));
    }
  }

  @ParameterizedTest
  @MethodSource("answers")
  void the_answers_are_those_that_deepspeed_gave(String line) {
    String[] sides = line.split(" -> ");
    String[] given = sides[0].split(";");
    String section =
        """
        "version": %s, "max_train_batch_size": %s, "micro_batch_sizes": [%s], "min_gpus": %s,
        "max_gpus": %s, "prefer_larger_batch": %s, "model_parallel_size": %s,
        "num_gpus_per_node": %s"""
            .formatted((Object[]) given);
    int ranks = Integer.parseInt(given[8]);
    if (sides[1].equals("refused")) {
      refusal(section, ranks);
      return;
    }
    String[] expected = sides[1].split(";");
    DeepSpeedConfig config = parse(section, ranks);
    int global = Integer.parseInt(expected[0]);
    int micro = Integer.parseInt(expected[1]);
    assertEquals(new BatchSizes(global, micro, global / micro / ranks), config.batch());
    // Of what it lists under model parallelism, DeepSpeed takes what is listed divided as well.
    List<Integer> listed = Stream.of(expected[2].split(",")).map(Integer::valueOf).toList();
    int parts = Integer.parseInt(given[6]);
    assertEquals(
        listed.stream().filter(n -> parts == 1 || listed.contains(n / parts)).toList(),
        config.elasticity().orElseThrow().batch(ranks).ranks());
  }

  @Test
  void whatever_number_is_taken_the_sizes_multiply_to_the_batch() {
    ElasticityConfig config = elasticity(PUBLISHED);
    IntStream.rangeClosed(1, 200)
        .forEach(
            ranks -> {
              BatchSizes sizes = config.sizes(ranks);
              assertEquals(sizes.global(), sizes.micro() * sizes.accumulation() * ranks);
              assertTrue(sizes.global() <= 10_000);
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"train_batch_size\": 24",
        "\"train_micro_batch_size_per_gpu\": 4",
        "\"gradient_accumulation_steps\": 1"
      })
  void batch_sizes_beside_elasticity_are_refused_unless_told_to_ignore_them(String beside) {
    String key = beside.substring(1, beside.lastIndexOf('"'));
    assertEquals(
        "deepspeed."
            + key
            + ": elasticity decides the batch sizes: remove it, or set"
            + " elasticity.ignore_non_elastic_batch_info to true",
        assertThrows(ConfigException.class, () -> DeepSpeedConfig.parse(json(SMALL, beside), 2))
            .getMessage());
    DeepSpeedConfig config =
        DeepSpeedConfig.parse(json(SMALL + ", \"ignore_non_elastic_batch_info\": true", beside), 2);
    assertEquals(new BatchSizes(24, 4, 3), config.batch());
    assertEquals(
        List.of("deepspeed." + key + " is ignored: elasticity decides the batch sizes"),
        config.notes());
  }

  @Test
  void auto_beside_elasticity_leaves_the_decision_to_it() {
    assertEquals(
        new BatchSizes(24, 4, 3),
        DeepSpeedConfig.parse(
                json(
                    SMALL,
                    """
                    "train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto",
                    "gradient_accumulation_steps": "auto\""""),
                2)
            .batch());
  }

  @Test
  void without_enabled_the_section_is_not_looked_at() throws JsonProcessingException {
    for (String off :
        List.of("false", "{}", "{\"enabled\": false}", "{\"max_train_batch_size\": -1}", "null")) {
      JsonNode json =
          new ObjectMapper()
              .readTree("{\"train_batch_size\": 8, \"elasticity\": %s}".formatted(off));
      assertEquals(new BatchSizes(8, 4, 1), DeepSpeedConfig.parse(json, 2).batch());
      assertEquals(Optional.empty(), DeepSpeedConfig.parse(json, 2).elasticity());
      assertEquals(Optional.empty(), DeepSpeedConfig.elasticity(json));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | needs the key \"max_train_batch_size\"",
        "`\"max_train_batch_size\": 24` | needs the key \"micro_batch_sizes\"",
        "`\"micro_batch_sizes\": [2]` | needs the key \"max_train_batch_size\"",
        "`\"max_train_batch_size\": 0, \"micro_batch_sizes\": [2]` |"
            + " .max_train_batch_size: must be at least 1, not 0",
        "`\"max_train_batch_size\": -5, \"micro_batch_sizes\": [2]` |"
            + " .max_train_batch_size: must be at least 1, not -5",
        "`\"max_train_batch_size\": 3, \"micro_batch_sizes\": [2, 4]` |"
            + " .micro_batch_sizes: 4 is more than max_train_batch_size 3",
        "`\"max_train_batch_size\": 20, \"micro_batch_sizes\": [2, 4], \"num_gpus_per_node\": 8` |"
            + " .micro_batch_sizes: 4 is more than max_train_batch_size 20 / 8 on a node = 2",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": []` |"
            + " .micro_batch_sizes: must be an array of whole numbers above 0, not []",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": 5` |"
            + " .micro_batch_sizes: must be an array of whole numbers above 0, not 5",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": [1, 4, -1, 2, -10]` |"
            + " .micro_batch_sizes: must hold whole numbers above 0, not -1",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": [2, 0]` |"
            + " .micro_batch_sizes: must hold whole numbers above 0, not 0",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": [\"a\", null, 0.5]` |"
            + " .micro_batch_sizes: must hold whole numbers above 0, not \"a\"",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": [2, 0.5, 4]` |"
            + " .micro_batch_sizes: must hold whole numbers above 0, not 0.5",
        "`\"max_train_batch_size\": 24, \"micro_batch_sizes\": [2, null]` |"
            + " .micro_batch_sizes: must hold whole numbers above 0, not null",
      })
  void batches_that_cannot_be(String section, String message) {
    refused(section.isEmpty() ? "\"min_time\": 0" : section, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`\"min_gpus\": -1` | .min_gpus: must be at least 1, not -1",
        "`\"max_gpus\": -1` | .max_gpus: must be at least 1, not -1",
        "`\"min_gpus\": 0` | .min_gpus: must be at least 1, not 0",
        "`\"min_gpus\": 4, \"max_gpus\": 3` | .max_gpus: is 3, less than min_gpus 4",
        "`\"min_time\": -1` | .min_time: must be at least 0, not -1",
        "`\"version\": \"0.3\"` | .version: there is no 0.3: use 0.1 or 0.2",
        "`\"version\": 0.15` | .version: there is no 0.15: use 0.1 or 0.2",
        "`\"version\": \"latest\"` | .version: must be a number, not \"latest\"",
        "`\"prefer_larger_batch\": 1` | .prefer_larger_batch: must be true or false, not 1",
        "`\"ignore_non_elastic_batch_info\": \"yes\"` |"
            + " .ignore_non_elastic_batch_info: must be true or false, not \"yes\"",
        "`\"model_parallel_size\": 0` | .model_parallel_size: must be at least 1, not 0",
        "`\"num_gpus_per_node\": 0` | .num_gpus_per_node: must be at least 1, not 0",
        "`\"model_parallel_size\": 4, \"num_gpus_per_node\": 8, \"version\": 0.1` |"
            + " .model_parallel_size: is 4: version 0.1 has none, use 0.2",
        "`\"model_parallel_size\": 16, \"num_gpus_per_node\": 8` |"
            + " .num_gpus_per_node: 8 is no multiple of model_parallel_size 16",
        "`\"min_gpu\": 2` | : unknown key \"min_gpu\": did you mean \"min_gpus\"?",
      })
  void settings_that_cannot_be(String setting, String message) {
    refused(SMALL + ", " + setting, message);
  }

  @Test
  void a_section_that_is_none_is_refused() throws JsonProcessingException {
    for (String section : List.of("true", "3", "{\"enabled\": \"auto\"}")) {
      JsonNode json = new ObjectMapper().readTree("{\"elasticity\": %s}".formatted(section));
      assertTrue(
          assertThrows(ConfigException.class, () -> DeepSpeedConfig.parse(json, 1))
              .getMessage()
              .startsWith("deepspeed.elasticity"));
    }
  }

  private static void refused(String section, String message) {
    String path = "deepspeed.elasticity";
    String expected =
        message.startsWith(".") || message.startsWith(":") ? path + message : path + ": " + message;
    assertEquals(expected, refusal(section, 2));
    assertEquals(
        expected, assertThrows(ConfigException.class, () -> elasticity(section)).getMessage());
  }
}
