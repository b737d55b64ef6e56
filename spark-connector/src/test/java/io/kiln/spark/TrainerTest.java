package io.kiln.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.datasource.DataException;
import io.kiln.engine.config.ConfigException;
import io.kiln.engine.train.StepReport;
import io.kiln.spark.barrier.RankFailedException;
import io.kiln.spark.barrier.RunListener;
import io.kiln.spark.barrier.RunStart;
import io.kiln.spark.console.Closing;
import io.kiln.spark.inference.Generation;
import io.kiln.spark.inference.ModelCopy;
import io.kiln.spark.inference.TextContinuation;
import io.kiln.spark.output.TrainingSummary;
import io.kiln.spark.output.UnwritableOutputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import scala.Option;

class TrainerTest {
  private static final String TINY =
      """
      {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 8,
       "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}
      """;

  private static SparkSession session;

  @BeforeAll
  static void start() {
    session =
        SparkSession.builder()
            .master("local[2]")
            .appName("trainer")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    session.stop();
  }

  private static Dataset<Row> texts() {
    return session
        .createDataset(Collections.nCopies(40, "abcabcabcabcabcabcabcabc"), Encoders.STRING())
        .toDF("text")
        .coalesce(2);
  }

  private static Trainer.Builder language() {
    return Trainer.builder()
        .model(TINY)
        .deepspeed(
            """
            {"train_batch_size": 8, "optimizer": {"type": "AdamW", "params": {"lr": 0.02}},
             "zero_optimization": {"stage": 2}}
            """)
        .tokenizer("chars")
        .maxSteps(60);
  }

  @Test
  void a_language_model_learns_what_its_text_says_and_continues_other_texts(@TempDir Path folder)
      throws Exception {
    List<Double> losses = new ArrayList<>();
    AtomicReference<RunStart> told = new AtomicReference<>();
    TrainedModel model =
        language()
            .outputDirectory(folder.resolve("model").toString())
            .listener(
                new RunListener() {
                  @Override
                  public void onStart(RunStart start) {
                    told.set(start);
                  }

                  @Override
                  public void onStep(StepReport report) {
                    losses.add(report.loss());
                  }
                })
            .build()
            .fit(texts());
    assertEquals(60, losses.size());
    assertEquals(2, told.get().ranks());
    TrainingSummary summary = model.summary();
    assertEquals(2, summary.worldSize());
    assertEquals(2, summary.zeroStage());
    assertEquals("fp32", summary.dtype());
    assertEquals(60 * 8 * 8, summary.tokens());
    assertEquals(losses.get(0), summary.firstLoss().getAsDouble(), 1e-12);
    // What each rank held is what the formula said before anything was allocated, and a ring of
    // 32 slots of 512 KiB for what it sends.
    Map<String, Long> held = new TreeMap<>(told.get().bytesPerRank());
    held.put("ring", 32L * 512 * 1024);
    summary.ranks().forEach(rank -> assertEquals(held, rank.bytes()));
    assertTrue(summary.validationLoss().getAsDouble() < 0.3, summary.toString());
    assertEquals(60, Files.readAllLines(folder.resolve("model/metrics.jsonl")).size());
    assertEquals(List.of(), hidden(folder.resolve("model")));

    Dataset<Row> prompts =
        session.createDataset(List.of("abc", "bca"), Encoders.STRING()).toDF("text").coalesce(1);
    Dataset<Row> continued = model.generating(Generation.greedy(6)).transform(prompts);
    assertEquals(List.of("text", "generated_text"), List.of(continued.columns()));
    assertEquals(
        List.of("abcabc", "bcabca"),
        continued.collectAsList().stream().map(row -> row.getString(1)).toList());

    TrainedModel copy = model.save(folder.resolve("copy").toString());
    assertEquals(summary, copy.summary());
    assertEquals(
        "abcabc",
        TrainedModel.load(session, folder.resolve("copy").toString())
            .generating(Generation.greedy(6))
            .transform(prompts)
            .first()
            .getString(1));
    assertThrows(ConfigException.class, () -> model.save(folder.resolve("copy").toString()));
  }

  @Test
  void a_padded_vocabulary_continues_texts_with_the_tokenizers_tokens_alone() {
    // Three characters in a vocabulary of 64; one step teaches the model next to nothing.
    TrainedModel model =
        language()
            .model(TINY.replace("\"n_layer\"", "\"vocab_size\": 64, \"n_layer\""))
            .maxSteps(1)
            .build()
            .fit(texts());
    Dataset<Row> prompt = session.createDataset(List.of("abc"), Encoders.STRING()).toDF("text");
    for (Generation how : List.of(Generation.greedy(20), new Generation(20, 5, 1))) {
      String text = model.generating(how).transform(prompt).first().getString(1);
      assertTrue(text.matches("[abc]{20}"), text);
    }
  }

  @Test
  void a_text_that_cannot_be_continued_gets_null_and_the_others_their_continuation() {
    TrainedModel chars = language().maxSteps(1).build().fit(texts());
    assertEquals(
        List.of(true, false, false, false, true), continued(chars, "abc", "", "abx", null, "b"));
    TrainedModel bytes = language().tokenizer("bytes").maxSteps(1).build().fit(texts());
    assertEquals(List.of(true, false, true), continued(bytes, "abc", "", "é"));
  }

  /** Whether each text has a continuation, in the order of the texts. */
  private static List<Boolean> continued(TrainedModel model, String... texts) {
    List<Row> rows = Stream.of(texts).map(RowFactory::create).toList();
    StructType schema = new StructType().add("text", DataTypes.StringType);
    List<Row> done =
        model
            .generating(Generation.greedy(2))
            .transform(session.createDataFrame(rows, schema).coalesce(1))
            .collectAsList();
    assertEquals(Arrays.asList(texts), done.stream().map(row -> row.getString(0)).toList());
    return done.stream().map(row -> !row.isNullAt(1)).toList();
  }

  @Test
  void a_sample_that_fails_is_told_in_a_line_and_the_end_message_follows(@TempDir Path folder)
      throws Exception {
    TrainedModel trained = language().maxSteps(1).build().fit(texts());
    TrainedModel model = trained.save(folder.resolve("copy").toString());
    Files.delete(folder.resolve("copy/model.safetensors"));
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    Closing closing = new Closing(new PrintStream(told, true, StandardCharsets.UTF_8), model);
    closing.samples(session, () -> false);
    closing.place();
    List<String> lines = told.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(3, lines.size(), lines.toString());
    assertTrue(
        lines.get(0).startsWith("no sample could be drawn from the model: "), lines.toString());
    assertTrue(lines.get(0).contains("copy cannot be read"), lines.toString());
    assertEquals("the model is in " + model.shownPath(), lines.get(2));
  }

  @Test
  void what_recovery_holds_is_told_before_the_run(@TempDir Path folder) throws Exception {
    AtomicReference<RunStart> told = new AtomicReference<>();
    TrainedModel model =
        language()
            .maxSteps(2)
            .checkpointInterval(2)
            .redundancy(1)
            .outputDirectory(folder.resolve("model").toString())
            .listener(
                new RunListener() {
                  @Override
                  public void onStart(RunStart start) {
                    told.set(start);
                  }
                })
            .build()
            .fit(texts());
    TrainingSummary summary = model.summary();
    Map<String, Long> most = new TreeMap<>();
    summary.ranks().forEach(rank -> rank.bytes().forEach((k, n) -> most.merge(k, n, Math::max)));
    most.remove("ring");
    assertEquals(most, told.get().bytesPerRank());
    assertTrue(most.keySet().containsAll(List.of("checkpoint", "redundancy")), most::toString);
  }

  @Test
  void a_folder_of_checkpoints_that_another_run_uses_is_refused(@TempDir Path folder)
      throws Exception {
    Path word = Files.createDirectory(folder.resolve("ck")).resolve("in_use");
    Files.writeString(word, "{}");
    Thread other =
        new Thread(
            () -> {
              for (int beat = 0; !Thread.currentThread().isInterrupted(); beat++) {
                try {
                  Files.writeString(word, "{\"pid\":12,\"host\":\"node7\",\"beat\":" + beat + "}");
                  Thread.sleep(100);
                } catch (IOException | InterruptedException ends) {
                  return;
                }
              }
            });
    other.setDaemon(true);
    other.start();
    try {
      Trainer second =
          language()
              .checkpointInterval(2)
              .checkpointDirectory(folder.resolve("ck").toString())
              .outputDirectory(folder.resolve("model").toString())
              .build();
      ConfigException refused = assertThrows(ConfigException.class, () -> second.fit(texts()));
      assertTrue(refused.getMessage().contains("another run ("), refused.getMessage());
    } finally {
      other.interrupt();
    }
    try (Stream<Path> left = Files.list(folder.resolve("ck"))) {
      assertEquals(List.of(word), left.toList());
    }
  }

  @Test
  void what_fit_takes_for_a_column_transform_takes_too() {
    Dataset<Row> rows =
        texts().selectExpr("named_struct('body', text) as doc", "text as `the.text`", "text as t");
    for (String name : List.of("doc.body", "the.text", "T")) {
      TrainedModel model = language().maxSteps(1).textColumn(name).build().fit(rows);
      Dataset<Row> continued = model.generating(Generation.greedy(1)).transform(rows);
      assertEquals(List.of("doc", "the.text", "t", "generated_text"), List.of(continued.columns()));
      assertEquals(1, continued.first().getString(3).length());
    }
  }

  @Test
  void the_same_seed_gives_the_same_model_and_another_seed_another() {
    double first =
        language()
            .maxSteps(3)
            .seed(5)
            .build()
            .fit(texts())
            .summary()
            .finalTrainLoss()
            .getAsDouble();
    double again =
        language()
            .maxSteps(3)
            .seed(5)
            .build()
            .fit(texts())
            .summary()
            .finalTrainLoss()
            .getAsDouble();
    double other =
        language()
            .maxSteps(3)
            .seed(6)
            .build()
            .fit(texts())
            .summary()
            .finalTrainLoss()
            .getAsDouble();
    assertEquals(first, again);
    assertNotEquals(first, other);
  }

  @Test
  void an_elastic_job_leaves_slots_free_that_its_batch_has_no_use_for() {
    List<String> remarks = new ArrayList<>();
    TrainingSummary summary =
        language()
            .deepspeed(
                """
                {"elasticity": {"enabled": true, "max_train_batch_size": 9,
                                "micro_batch_sizes": [2, 4], "max_gpus": 1}}
                """)
            .maxSteps(2)
            .listener(
                new RunListener() {
                  @Override
                  public void onRemark(int rank, String line) {
                    remarks.add(line);
                  }
                })
            .build()
            .fit(texts())
            .summary();
    assertEquals(1, summary.worldSize());
    assertTrue(remarks.contains("elasticity: 1 of 2 slots train"), remarks.toString());
    // Two steps of 8 = 4 x 2 samples of 8 tokens.
    assertEquals(2 * 8 * 8, summary.tokens());
  }

  private static Dataset<Row> points(boolean classes) {
    Random random = new Random(1);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      double x = random.nextDouble() * 2 - 1;
      double y = random.nextDouble() * 2 - 1;
      rows.add(RowFactory.create(x, y, classes ? (x > 0 ? 1.0 : 0.0) : 2 * x - y));
    }
    StructType schema =
        new StructType()
            .add("x", DataTypes.DoubleType)
            .add("y", DataTypes.DoubleType)
            .add("label", DataTypes.DoubleType);
    return session.createDataFrame(rows, schema);
  }

  private static Trainer.Builder perceptron(String model) {
    return Trainer.builder()
        .model(model)
        .deepspeed(
            """
            {"train_batch_size": 32, "optimizer": {"type": "Adam", "params": {"lr": 0.02}}}
            """)
        .featureColumns("x", "y")
        .labelColumn("label")
        .maxSteps(150);
  }

  @Test
  void an_mlp_tells_classes_apart() {
    TrainedModel model =
        perceptron("{\"model_type\": \"mlp\", \"hidden_sizes\": [16], \"num_labels\": 2}")
            .build()
            .fit(points(true));
    Dataset<Row> predicted = model.transform(points(true));
    assertEquals(List.of("x", "y", "label", "prediction"), List.of(predicted.columns()));
    long right = predicted.filter("prediction = label").count();
    assertTrue(right > 380, right + " of 400");
  }

  @Test
  void an_mlp_predicts_values() {
    TrainedModel model =
        perceptron("{\"model_type\": \"mlp\", \"hidden_sizes\": [16]}").build().fit(points(false));
    double worst =
        model
            .transform(points(false))
            .selectExpr("max(abs(prediction - label))")
            .first()
            .getDouble(0);
    // The label is linear in the features and spans 6.
    assertTrue(worst < 0.5, "off by " + worst);
  }

  @Test
  void a_row_that_an_mlp_cannot_predict_gets_null_and_the_others_their_value() {
    StructType schema =
        new StructType()
            .add("x", DataTypes.DoubleType)
            .add("y", DataTypes.createArrayType(DataTypes.DoubleType));
    TrainedModel model =
        perceptron("{\"model_type\": \"mlp\"}")
            .maxSteps(1)
            .build()
            .fit(points(false).selectExpr("x", "array(y, x) as y", "label"));
    List<Row> rows =
        List.of(
            RowFactory.create(0.5, List.of(1.0, 2.0)),
            RowFactory.create(null, List.of(1.0, 2.0)),
            RowFactory.create(0.5, null),
            RowFactory.create(0.5, Arrays.asList(1.0, null)),
            RowFactory.create(Double.NaN, List.of(1.0, 2.0)),
            RowFactory.create(0.5, List.of(1.0)),
            RowFactory.create(0.5, List.of(1.0, 2.0, 3.0)),
            RowFactory.create(0.5, List.of(1.0, 2.0)));
    List<Row> done =
        model.transform(session.createDataFrame(rows, schema).coalesce(1)).collectAsList();
    assertEquals(
        List.of(true, false, false, false, false, false, false, true),
        done.stream().map(row -> !row.isNullAt(2)).toList());
    assertEquals(done.get(0).getDouble(2), done.get(7).getDouble(2));
    // A column of another type is no matter of a row.
    Dataset<Row> words = session.createDataFrame(rows, schema).selectExpr("'a' as x", "y");
    assertThrows(Exception.class, () -> model.transform(words).collectAsList());
  }

  @Test
  void what_cannot_be_trained_on_is_refused_before_any_rank_starts() {
    assertTrue(
        assertThrows(ConfigException.class, () -> language().ranks(3).build().fit(texts()))
            .getMessage()
            .contains("3 ranks need 3 slots"));
    assertThrows(ConfigException.class, () -> Trainer.builder().build());
    String message =
        assertThrows(
                ConfigException.class,
                () -> language().featureColumns("x").labelColumn("y").build())
            .getMessage();
    assertTrue(message.startsWith("tokenizer(…) is for text"), message);
    assertTrue(
        assertThrows(DataException.class, () -> language().textColumn("txt").build().fit(texts()))
            .getMessage()
            .contains("txt"));
    assertTrue(
        assertThrows(
                ConfigException.class,
                () -> language().model(TINY.replace("gpt2", "mlp")).build().fit(texts()))
            .getMessage()
            .contains("n_layer"));
    assertThrows(
        ConfigException.class,
        () -> language().deepspeed("{\"train_batch_size\": 7}").build().fit(texts()));
    assertThrows(DataException.class, () -> language().build().fit(texts().limit(0)));
  }

  @Test
  void a_configuration_may_have_deepspeeds_comments_and_trailing_commas() {
    assertEquals(
        1,
        language()
            .deepspeed("{\n  // eight\n  \"train_batch_size\": 8,\n}")
            .maxSteps(1)
            .build()
            .fit(texts())
            .summary()
            .steps());
    assertThrows(
        ConfigException.class,
        () -> language().deepspeed("{\"train_batch_size\": 8, \"train_batch_size\": 9}"));
  }

  @Test
  void a_refused_run_leaves_no_folder(@TempDir Path folder) {
    Path output = folder.resolve("never");
    assertThrows(
        ConfigException.class,
        () -> language().ranks(3).outputDirectory(output.toString()).build().fit(texts()));
    assertFalse(Files.exists(output));
    assertThrows(
        DataException.class,
        () -> language().outputDirectory(output.toString()).build().fit(texts().limit(0)));
    assertFalse(Files.exists(output));
  }

  /** Puts a folder where the run is going to want a file. */
  private static RunListener inTheWay(Path obstacle) {
    return new RunListener() {
      @Override
      public void onStart(RunStart start) {
        try {
          Files.createDirectories(obstacle);
        } catch (IOException unwritable) {
          throw new UncheckedIOException(unwritable);
        }
      }
    };
  }

  @Test
  void a_failed_run_tells_its_first_cause_and_leaves_the_session_usable(@TempDir Path folder)
      throws Exception {
    Path output = folder.resolve("out");
    Trainer blocked =
        language()
            .maxSteps(3)
            .outputDirectory(output.toString())
            .listener(inTheWay(output.resolve(".model.safetensors.unfinished/in-the-way")))
            .build();
    RankFailedException failure =
        assertThrows(RankFailedException.class, () -> blocked.fit(texts()));
    assertTrue(failure.getMessage().startsWith("rank 0 on "), failure.getMessage());
    assertTrue(failure.getMessage().contains("unfinished"), failure.getMessage());
    assertFalse(failure.inputAtFault());
    assertEquals(3, language().maxSteps(3).build().fit(texts()).summary().steps());
    long end = System.nanoTime() + 10_000_000_000L;
    while (!ownThreads().isEmpty() && System.nanoTime() < end) {
      Thread.sleep(20);
    }
    assertEquals(List.of(), ownThreads());
  }

  @Test
  void an_output_directory_that_rank_0_does_not_share_is_refused_before_the_first_step(
      @TempDir Path folder) throws Exception {
    FilesPerHost.register(session.sparkContext().hadoopConfiguration(), folder);
    List<Long> steps = new ArrayList<>();
    Trainer trainer =
        language()
            .outputDirectory("perhost:///out")
            .checkpointDirectory(folder.resolve("checkpoints").toString())
            .checkpointInterval(10)
            .listener(
                new RunListener() {
                  @Override
                  public void onStep(StepReport report) {
                    steps.add(report.step());
                  }

                  @Override
                  public void onRestart(int attempt, String cause) {
                    steps.add(-1L);
                  }
                })
            .build();
    RankFailedException refused =
        assertThrows(RankFailedException.class, () -> trainer.fit(texts()));
    assertTrue(
        refused.getMessage().startsWith("output_dir: perhost:/out on 127.0.0.1, "),
        refused.getMessage());
    assertTrue(refused.getMessage().contains("name a folder that all executors reach"));
    assertTrue(refused.inputAtFault());
    assertEquals(List.of(), steps);
    assertEquals(List.of(), hidden(FilesPerHost.ofDriver(folder, "out")));
  }

  /** As many steps as nobody waits for: it is not the last one that ends the run. */
  @Test
  void metrics_that_cannot_be_written_end_the_run_with_their_file_and_the_reason(
      @TempDir Path folder) throws Exception {
    Path output = folder.resolve("out");
    Trainer full =
        language()
            .maxSteps(1_000_000)
            .outputDirectory(output.toString())
            .listener(inTheWay(output.resolve("metrics.jsonl/in-the-way")))
            .build();
    String line =
        assertTimeoutPreemptively(
                Duration.ofMinutes(2),
                () -> assertThrows(UnwritableOutputException.class, () -> full.fit(texts())))
            .getMessage();
    assertTrue(line.startsWith(output.resolve("metrics.jsonl") + " cannot be written"), line);
    assertEquals(1, line.lines().count(), line);
    assertEquals(List.of(), hidden(output));
  }

  @Test
  void a_listener_that_throws_neither_ends_the_run_nor_hides_it_from_the_metrics(
      @TempDir Path folder) throws Exception {
    AtomicInteger heard = new AtomicInteger();
    Path output = folder.resolve("out");
    language()
        .maxSteps(3)
        .outputDirectory(output.toString())
        .listener(
            new RunListener() {
              @Override
              public void onStart(RunStart start) {
                throw new IllegalStateException("no dashboard");
              }

              @Override
              public void onProgress(int rank, String phase, long step) {
                throw new IllegalStateException("no dashboard");
              }

              @Override
              public void onStep(StepReport report) {
                heard.incrementAndGet();
                throw new IllegalStateException("no dashboard");
              }
            })
        .build()
        .fit(texts());
    assertEquals(3, heard.get());
    assertEquals(3, Files.readAllLines(output.resolve("metrics.jsonl")).size());
  }

  private static List<String> hidden(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith("."))
          .toList();
    }
  }

  private static List<String> ownThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("kiln"))
        .toList();
  }

  @Test
  void a_language_model_without_its_tokenizer_is_refused_before_a_task_starts(@TempDir Path folder)
      throws IOException {
    TrainedModel model = language().maxSteps(1).build().fit(texts());
    String copy = model.save(folder.resolve("copy").toString()).path();
    Files.delete(folder.resolve("copy/kiln_tokenizer.json"));
    TrainedModel mute = TrainedModel.load(session, copy);
    String message =
        assertThrows(ConfigException.class, () -> mute.transform(texts())).getMessage();
    assertTrue(message.contains("has no tokenizer: put its tokenizer.json"), message);
    assertTrue(message.contains(folder.resolve("copy").toString()), message);
    assertEquals(1, message.lines().count(), message);
  }

  /** Only an executor's own copy could lack what the driver has looked for. */
  @Test
  void a_task_that_finds_no_tokenizer_lets_its_model_go() {
    TrainedModel model = language().maxSteps(1).build().fit(texts());
    ModelCopy mute =
        new ModelCopy(
            model.definition().toJson().toString(),
            Map.of(),
            model.path(),
            new SerializableConfiguration(session.sparkContext().hadoopConfiguration()));
    TextContinuation continuation = new TextContinuation(mute, 0, Generation.greedy(1));
    failed(continuation);
    long left = Long.MAX_VALUE;
    // A garbage collection in between takes from the count what others have left.
    for (int attempt = 0; attempt < 5; attempt++) {
      long before = Pointer.totalCount();
      failed(continuation);
      left = Math.min(left, Math.abs(Pointer.totalCount() - before));
    }
    assertEquals(0, left, "native objects");
  }

  private static void failed(TextContinuation continuation) {
    TaskContextImpl context = TaskContext$.MODULE$.empty();
    TaskContext$.MODULE$.setTaskContext(context);
    try {
      assertThrows(
          ConfigException.class,
          () -> continuation.call(List.<Row>of(RowFactory.create("abc")).iterator()));
    } finally {
      context.markTaskCompleted(Option.empty());
      TaskContext$.MODULE$.unset();
    }
  }

  @Test
  void a_folder_without_a_model_is_told(@TempDir Path folder) {
    assertTrue(
        assertThrows(ConfigException.class, () -> TrainedModel.load(session, folder.toString()))
            .getMessage()
            .contains("config.json"));
  }
}
