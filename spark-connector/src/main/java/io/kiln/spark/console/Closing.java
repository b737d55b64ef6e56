package io.kiln.spark.console;

import io.kiln.datasource.DataException;
import io.kiln.datasource.tokenizer.Tokenizer;
import io.kiln.engine.model.family.ModelDefinition;
import io.kiln.engine.model.family.PerceptronDefinition;
import io.kiln.engine.model.family.PerceptronDefinition.Problem;
import io.kiln.spark.TrainedModel;
import io.kiln.spark.barrier.OneLine;
import io.kiln.spark.inference.Generation;
import io.kiln.spark.output.TrainingSummary;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a person sees at the end of a run.
 *
 * @param out where
 * @param model that was trained
 */
public record Closing(PrintStream out, TrainedModel model) {
  private static final int SAMPLE_TOKENS = 160;
  private static final double TEMPERATURE = 0.8;

  /** Loss, speed and time. */
  public void figures(Duration took) {
    out.println(figures(model.summary(), model.definition(), took));
  }

  static String figures(TrainingSummary summary, ModelDefinition definition, Duration took) {
    String validation =
        summary.validationLoss().isPresent()
            ? "validation " + told(summary.validationLoss(), "%.4f")
            : "";
    String all = ConsoleReport.duration(took.toSeconds()) + " in all";
    if (summary.steps() == 0) {
      // It went on after its last step, and who took that has left no metrics here.
      return "no step was left to take; " + (validation.isEmpty() ? "" : validation + "; ") + all;
    }
    return String.format(
        Locale.ROOT,
        "loss %s -> %s%s; %s ms a step, %s; %s",
        told(summary.firstLoss(), "%.4f"),
        told(summary.finalTrainLoss(), "%.4f"),
        validation.isEmpty() ? "" : ", " + validation,
        told(summary.stepMillisMedian(), "%.1f"),
        speed(definition, summary.tokensPerSecond()),
        all);
  }

  /** Of an mlp in rows, each of which has as many targets as the model has values to predict. */
  static String speed(ModelDefinition definition, OptionalDouble targetsPerSecond) {
    if (!(definition instanceof PerceptronDefinition mlp)) {
      return told(targetsPerSecond, "%,.0f") + " tokens/s";
    }
    long targets = mlp.problem() == Problem.CLASSIFICATION ? 1 : mlp.outputSize();
    OptionalDouble rows =
        targetsPerSecond.isPresent()
            ? OptionalDouble.of(targetsPerSecond.getAsDouble() / targets)
            : targetsPerSecond;
    return told(rows, "%,.0f") + " rows/s";
  }

  private static String told(OptionalDouble value, String format) {
    return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "?";
  }

  /**
   * Text of a language model: the likeliest, and drawn at temperature 0.8. The model is there by
   * now: a sample that cannot be drawn is told in a line and no failure of the run.
   *
   * @param stopped whether somebody has stopped the run, which is nothing to tell of
   */
  public void samples(SparkSession session, BooleanSupplier stopped) {
    try {
      draw(session);
    } catch (Exception failure) { // Scala throws checked ones that Java is not told of.
      if (stopped.getAsBoolean()) {
        throw failure;
      }
      out.println("no sample could be drawn from the model: " + OneLine.of(cause(failure)));
    }
  }

  /** What went wrong in the task, where Spark says no more than that one failed. */
  private static Throwable cause(Exception failure) {
    return failure.getCause() instanceof Exception cause ? cause : failure;
  }

  private void draw(SparkSession session) {
    Optional<Tokenizer> tokenizer = model.openTokenizer();
    if (tokenizer.isEmpty()) {
      return;
    }
    try (Tokenizer open = tokenizer.get()) {
      List<String> prompts =
          Stream.concat(
                  open.endOfText().isPresent() ? Stream.of("") : Stream.of("\n"),
                  Stream.of("The ", "a"))
              .filter(prompt -> known(open, prompt))
              .toList();
      // The likeliest continuation of a line break can be line breaks for ever.
      prompts.stream()
          .filter(prompt -> sample(session, prompt, "greedy", Generation.greedy(SAMPLE_TOKENS)))
          .findFirst();
      prompts.stream()
          .filter(
              prompt ->
                  sample(
                      session,
                      prompt,
                      "temperature " + TEMPERATURE,
                      new Generation(SAMPLE_TOKENS, TEMPERATURE, 1)))
          .findFirst();
    }
  }

  private static boolean known(Tokenizer tokenizer, String text) {
    try {
      tokenizer.encode(text);
      return true;
    } catch (DataException unknown) {
      return false;
    }
  }

  /** Prints a sample, if there is anything in it to see. */
  private boolean sample(SparkSession session, String prompt, String how, Generation generation) {
    Dataset<Row> one =
        session.createDataset(List.of(prompt), Encoders.STRING()).toDF(model.textColumn());
    String text =
        model.generating(generation).transform(one).first().getAs(TrainedModel.GENERATED_TEXT);
    if (text == null || text.isBlank()) {
      return false;
    }
    out.println("--- sample, " + how);
    out.println((prompt + text).strip());
    return true;
  }

  /** Where the model is. */
  public void place() {
    out.println("---");
    out.println("the model is in " + model.shownPath());
  }
}
