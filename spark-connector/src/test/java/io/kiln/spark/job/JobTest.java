package io.kiln.spark.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.DataException;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.spark.training.JobCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void a_job_that_is_right() throws IOException {
    Files.writeString(folder.resolve("corpus.txt"), "text");
    file = folder.resolve("job.json");
    Files.writeString(
        file,
        """
        {
          "model": {"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 8, "n_positions": 16},
          "data": {"path": "%s", "tokenizer": "bytes"},
          "deepspeed": {"train_batch_size": 4},
          "training": {"max_steps": 5},
          "output_dir": "%s"
        }
        """
            .formatted(folder.resolve("corpus.txt"), folder.resolve("out")));
  }

  private Job read(String... sets) {
    return Job.read(file, List.of(sets));
  }

  private String refused(String... sets) {
    RuntimeException error =
        assertThrows(RuntimeException.class, () -> JobCheck.beforeSpark(read(sets)));
    assertTrue(
        error instanceof ConfigException || error instanceof DataException, error.toString());
    assertEquals(1, error.getMessage().lines().count(), error.getMessage());
    return error.getMessage();
  }

  private static int ranks(Job job) {
    return job.spark()
        .ranksOn(
            job.spark().slotsWithoutAsking().getAsInt(),
            DeepSpeedConfig.elasticity(job.deepspeed()));
  }

  @Test
  void a_parameter_group_that_holds_for_nothing_in_the_model_is_refused() {
    String groups =
        "deepspeed.optimizer={\"type\": \"AdamW\", \"params\": {\"groups\": [{\"pattern\": %s}]}}";
    String message = refused(groups.formatted("\"*.biass\""));
    assertTrue(
        message.startsWith(
            "deepspeed.optimizer.params.groups[0]: \"*.biass\" matches no parameter of the model,"
                + " which has transformer.h.0."),
        message);
    List<String> told = JobCheck.beforeSpark(read(groups.formatted("[\"*.bias\", \"*.norm.*\"]")));
    assertEquals(1, told.size(), told.toString());
    assertTrue(told.get(0).contains("\"*.norm.*\" matches no parameter"), told.get(0));
  }

  @Test
  void the_default_is_a_rank_on_each_of_two_executors() {
    Job job = read();
    JobCheck.beforeSpark(job);
    assertEquals(2, ranks(job));
    assertEquals("local-cluster[2,1,1024]", job.spark().master().url());
  }

  @Test
  void a_value_is_set_as_json_where_it_parses_and_as_text_where_not() {
    Job job =
        read(
            "training.max_steps=7",
            "spark.master=local[3]",
            "deepspeed={\"train_batch_size\":3}",
            "data.shuffle=false",
            "spark.conf.spark.task.cpus=1",
            "data.path=[\"a\", \"b\"]",
            "data.path.1=c d");
    assertEquals(7, job.training().maxSteps().orElseThrow());
    assertEquals(3, ranks(job));
    assertEquals(3, job.deepspeed().get("train_batch_size").asInt());
    assertEquals(false, job.data().shuffle());
    assertEquals(1, job.spark().cpusPerTask());
    assertEquals(List.of("a", "c d"), job.data().path());
  }

  @Test
  void a_path_leads_into_the_file_that_a_section_names() throws IOException {
    Files.writeString(
        folder.resolve("ds.json"), "{\"train_batch_size\": 2, // as DeepSpeed takes it\n}");
    Job job = read("deepspeed=ds.json", "deepspeed.zero_optimization.stage=3");
    assertEquals(2, job.deepspeed().get("train_batch_size").asInt());
    assertEquals(3, job.deepspeed().at("/zero_optimization/stage").asInt());
  }

  @Test
  void null_takes_a_value_away() {
    Job job = read("training.max_steps=null", "training.epochs=2");
    // 10 samples in batches of 4: two steps an epoch, what is left over is dropped.
    assertEquals(4, job.training().steps(10, 4));
  }

  /** The batch is 4 x 6 = 24 samples: a highly composite number of the largest micro-batch. */
  private static String elastic(String more) {
    return "deepspeed={\"elasticity\": {\"enabled\": true, \"max_train_batch_size\": 24,"
        + " \"micro_batch_sizes\": [2, 4]"
        + more
        + "}}";
  }

  @Test
  void an_elastic_job_takes_the_largest_valid_number_of_ranks_that_finds_room() {
    for (String version : List.of("0.1", "0.2")) {
      String section = elastic(", \"version\": " + version);
      assertEquals(4, ranks(read(section, "spark.master=local[5]")));
      assertEquals(6, ranks(read(section, "spark.master=local[6]")));
      assertEquals(12, ranks(read(section, "spark.master=local[100]")));
      assertEquals(3, ranks(read(section, "spark.master=local[5]", "spark.ranks=3")));
      JobCheck.beforeSpark(read(section, "spark.master=local[5]"));
    }
  }

  @Test
  void an_elastic_job_refuses_ranks_that_its_batch_cannot_be_cut_for() {
    assertEquals(
        "deepspeed.elasticity: 5 ranks are not valid for a batch of 24 samples: the number of ranks"
            + " can be 1, 2, 3, 4, 6 or 12",
        refused(elastic(", \"version\": 0.1"), "spark.master=local[8]", "spark.ranks=5"));
    assertEquals(
        "deepspeed.elasticity: 2 slots are too few for a batch of 24 samples: the number of ranks"
            + " can be 3, 4, 6 or 12",
        refused(elastic(", \"min_gpus\": 3"), "spark.master=local[2]"));
    // Where the master must be asked for its slots, all the rest is checked.
    JobCheck.beforeSpark(read(elastic(""), "spark.master=yarn"));
    JobCheck.beforeSpark(read(elastic(""), "spark.master=yarn", "spark.ranks=6"));
    assertTrue(
        refused(elastic(""), "spark.master=yarn", "spark.ranks=13")
            .contains("13 ranks are not valid"));
    assertTrue(
        refused(elastic(", \"min_gpus\": 50, \"version\": 0.1"), "spark.master=yarn")
            .contains("no number of ranks from min_gpus 50"));
    assertEquals(
        "deepspeed.elasticity.min_gpus: must be at least 1, not 0",
        refused(elastic(", \"min_gpus\": 0"), "spark.master=yarn"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "traning.max_steps=1 | unknown key \"traning\": did you mean \"training\"",
        "training.max_step=1 | unknown key \"max_step\": did you mean \"max_steps\"",
        "data.tokeniser=bytes | did you mean \"tokenizer\"",
        "spark.rank=2 | did you mean \"ranks\"",
        "model.n_layers=2 | did you mean \"n_layer\"",
        "deepspeed.zero_optimisation={} | did you mean \"zero_optimization\"",
        "training.epochs=1 | max_steps and epochs contradict",
        "training.max_steps=0 | training.max_steps: must be at least 1, not 0",
        "training.max_steps=many | training.max_steps: must be a number, not \"many\"",
        "training=5 | training",
        "spark.master=mesos://x | is none that Spark knows",
        "spark.master=local[0] | number above 0",
        "spark.ranks=3 | 3 ranks need 3 slots of 1 core",
        "spark.conf.spark.task.cpus=2 | offers 0",
        "spark.conf={\"task.cpus\":2} | Spark's settings begin with \"spark.\"",
        "deepspeed.train_batch_size=5 | train_batch_size",
        "deepspeed.fp16={\"enabled\":true} | fp16",
        "deepspeed=nowhere.json | nowhere.json",
        "model=nowhere.json | nowhere.json",
        "model.model_type=gpt3 | did you mean \"gpt2\"",
        "model={\"model_type\":\"mlp\"} | an mlp needs feature_columns",
        "data.path=/no/such/corpus.txt | nothing at /no/such/corpus.txt",
        "data.path=/no/such/*.txt | nothing at /no/such/*.txt",
        "data.tokenizer=/no/such/tokenizer | /no/such/tokenizer",
        "data.sequence_length=17 | data.sequence_length: is 17, the model has 16 positions",
        "data.format=parqet | Spark has no source \"parqet\": did you mean \"parquet\"",
        "data.format=delta | Spark has no source \"delta\"",
        "model.vocab_size=255 | model.vocab_size: is 255, but the tokenizer has 256 tokens",
        "data.validation_fraction=1.5 | validation_fraction",
        "output_dir=/ | exists",
        "output_dir= | output_dir",
        "data={\"path\":\"x\",\"feature_columns\":\"a\"} | data.label_column is missing",
        "data.feature_columns=a | data.tokenizer: is for text and cannot go with feature_columns",
        "training.checkpoint_keep_last=5000000000 | training.checkpoint_keep_last: must be from 1 to"
            + " 2147483647, not 5000000000",
        "training.checkpoint_failures=5000000000 | training.checkpoint_failures: must be from 1 to",
        "training.checkpoint_failures=0 | training.checkpoint_failures: must be from 1 to",
        "training.max_restarts=5000000000 | training.max_restarts: must be from 0 to 2147483647",
        "training.stall_timeout=31536001 | training.stall_timeout: must be from 5 to 31536000 (a"
            + " year), not 31536001",
        "training.stall_timeout=9300000000 | training.stall_timeout: must be from 5 to",
        "training.stall_timeout=4 | training.stall_timeout: must be from 5 to",
        "training.restart_window=9300000000 | training.restart_window: must be from 1 to 31536000",
        "training.checkpoint_minutes=0.000001 | training.checkpoint_minutes: must be from 0.001 to"
            + " 525600 (a year), not 1.0E-6",
        "training.checkpoint_minutes=1e300 | training.checkpoint_minutes: must be from 0.001 to",
        "training.checkpoint_minutes=0 | training.checkpoint_minutes: must be from 0.001 to",
        "nonsense | must have the form path.to.key=value",
        "training.max_steps.x=1 | training.max_steps is a value",
      })
  void what_cannot_be_used_is_refused_in_one_line(String set, String line) {
    String message =
        line.contains("fp16") ? refused(set, "deepspeed.bf16={\"enabled\":true}") : refused(set);
    assertTrue(message.contains(line), message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"PARQUET", "csv", "binaryFile", "com.example.Source"})
  void a_source_that_spark_may_know_passes(String format) {
    JobCheck.beforeSpark(read("data.format=" + format));
  }

  @Test
  void a_source_may_come_with_jars_that_only_spark_fetches() {
    JobCheck.beforeSpark(read("data.format=delta", "spark.conf.spark.jars.packages=a:b:1"));
  }

  @Test
  void the_vocabulary_is_held_against_the_tokenizer_of_a_directory() throws IOException {
    Path tokenizer = Files.createDirectory(folder.resolve("tokenizer"));
    String named = "data.tokenizer=" + tokenizer;
    assertTrue(refused(named).contains("No tokenizer in " + tokenizer), refused(named));
    Files.writeString(
        tokenizer.resolve("kiln_tokenizer.json"), "{\"type\": \"chars\", \"characters\": \"abc\"}");
    JobCheck.beforeSpark(read(named, "model.vocab_size=3"));
    JobCheck.beforeSpark(read(named, "model.vocab_size=64"));
    String message = refused(named, "model.vocab_size=2");
    assertTrue(message.contains("is 2, but the tokenizer has 3 tokens"), message);
  }

  @Test
  void what_changes_nothing_is_told() {
    assertEquals(List.of(), JobCheck.beforeSpark(read()));
    List<String> notes =
        JobCheck.beforeSpark(
            read("deepspeed.zero_optimization={\"stage\": 1, \"round_robin_gradients\": true}"));
    assertEquals(
        List.of("deepspeed.zero_optimization.round_robin_gradients has no effect in Kiln"), notes);
  }

  @Test
  void a_cluster_that_says_later_how_many_ranks_leaves_only_the_batch_sizes_open() {
    String master = "spark.master=spark://h:7077";
    String micro = "deepspeed.train_micro_batch_size_per_gpu=2";
    JobCheck.beforeSpark(read(master, micro, "deepspeed.train_batch_size=14"));
    assertTrue(refused(master, "deepspeed.optimiser={}").contains("did you mean \"optimizer\""));
    String message = refused(master, "spark.ranks=3", micro, "deepspeed.train_batch_size=14");
    assertTrue(message.contains("train_batch_size 14"), message);
  }

  @Test
  void a_file_that_is_no_json_is_told_with_the_place() throws IOException {
    Files.writeString(file, "{\"model\": \n {,}}");
    assertTrue(refused().contains("line 2"), refused());
  }

  @Test
  void a_file_that_is_not_there_is_told() {
    file = folder.resolve("absent.json");
    assertTrue(refused().contains("there is no file"), refused());
  }
}
