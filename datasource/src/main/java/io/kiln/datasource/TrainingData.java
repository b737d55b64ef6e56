package io.kiln.datasource;

import io.kiln.datasource.corpus.Corpus;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.FeatureSamples;
import io.kiln.datasource.packing.LabelKind;
import io.kiln.datasource.packing.SampleShape;
import io.kiln.datasource.packing.Split;
import io.kiln.datasource.packing.TokenSamples;
import io.kiln.datasource.packing.TokenWidth;
import io.kiln.datasource.tokenizer.ByteTokenizer;
import io.kiln.datasource.tokenizer.CharacterTokenizer;
import io.kiln.datasource.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Data that was read and encoded once, on the driver's side: says how much there is, plans a run,
 * and hands the barrier job its partitions. Keep it open until that job has ended.
 */
public final class TrainingData implements AutoCloseable {
  private final DataSection section;
  private final Corpus corpus;
  private final Optional<Tokenizer> tokenizer;
  private final Optional<FeatureSamples> features;

  private TrainingData(
      DataSection section,
      Corpus corpus,
      Optional<Tokenizer> tokenizer,
      Optional<FeatureSamples> features) {
    this.section = section;
    this.corpus = corpus;
    this.tokenizer = tokenizer;
    this.features = features;
  }

  /**
   * Reads and tokenizes the text that the section names.
   *
   * @throws DataException one line that says what is wrong with it
   */
  public static TrainingData readText(SparkSession spark, DataSection section) {
    try (Corpus.Text text = Corpus.text(spark, section)) {
      return ofText(section, text);
    }
  }

  /** Tokenizes the text column of a DataFrame, in the order of its partitions and rows. */
  public static TrainingData ofText(Dataset<Row> frame, DataSection section) {
    try (Corpus.Text text = Corpus.text(frame, section)) {
      return ofText(section, text);
    }
  }

  private static TrainingData ofText(DataSection section, Corpus.Text text) {
    Tokenizer tokenizer =
        switch (section.tokenizer()) {
          case "bytes" -> new ByteTokenizer();
          case "chars" -> characters(text);
          default -> Tokenizer.load(Path.of(section.tokenizer()));
        };
    return new TrainingData(
        section, text.encode(tokenizer), Optional.of(tokenizer), Optional.empty());
  }

  private static Tokenizer characters(Corpus.Text text) {
    int[] characters = text.characters();
    if (characters.length == 0) {
      throw new DataException("The corpus is empty: there is no character in it");
    }
    return CharacterTokenizer.of(characters);
  }

  /** Reads the features and labels that the section names. */
  public static TrainingData readFeatures(
      SparkSession spark, DataSection section, LabelKind label) {
    return of(section, Corpus.features(spark, section, label));
  }

  /** Takes the features and labels of a DataFrame, in the order of its rows. */
  public static TrainingData ofFeatures(Dataset<Row> frame, DataSection section, LabelKind label) {
    return of(section, Corpus.features(frame, section, label));
  }

  private static TrainingData of(DataSection section, Corpus.Features features) {
    FeatureSamples shape = (FeatureSamples) features.shape();
    return new TrainingData(section, features.corpus(), Optional.empty(), Optional.of(shape));
  }

  /** Of the text; none for features. */
  public Optional<Tokenizer> tokenizer() {
    return tokenizer;
  }

  /** What a row of features looks like; none for text. */
  public Optional<FeatureSamples> features() {
    return features;
  }

  /** Tokens (those between documents included) or rows. */
  public long units() {
    return corpus.units();
  }

  /** Documents or rows. */
  public long rows() {
    return corpus.rows();
  }

  /** Training and validation part. */
  public Split split() {
    return Split.of(corpus.units(), section.validationFraction());
  }

  /**
   * Holds the ids that occur against what the model knows.
   *
   * @param known vocabulary of the model, or its number of classes
   * @throws DataException if an id is not below that
   */
  public void requireBelow(long known) {
    if (corpus.greatest() >= known) {
      throw new DataException(
          tokenizer.isPresent()
              ? "Token "
                  + corpus.greatest()
                  + " occurs in the data, outside the model's vocabulary of "
                  + known
                  + ": set model.vocab_size to at least "
                  + tokenizer.get().vocabularySize()
                  + ", the tokenizer's"
              : "Class "
                  + corpus.greatest()
                  + " occurs in column \""
                  + section.labelColumn().orElse("")
                  + "\", the model has classes 0 to "
                  + (known - 1)
                  + ": give it "
                  + (corpus.greatest() + 1));
    }
  }

  /**
   * Plans a run.
   *
   * @param sequenceLength T; without effect on features
   * @param globalBatch samples of a step, all ranks together
   * @param microBatch samples that go through the model at once
   * @param ranks that hold different data
   * @param seed of the run
   * @throws DataException if there is less than one sample, or than one global batch
   */
  public DataPlan plan(int sequenceLength, int globalBatch, int microBatch, int ranks, long seed) {
    SampleShape shape =
        features.isPresent()
            ? features.get()
            : new TokenSamples(
                sequenceLength, TokenWidth.of(tokenizer.orElseThrow().vocabularySize()));
    return DataPlan.of(shape, split(), globalBatch, microBatch, ranks, seed, section.shuffle());
  }

  /**
   * The samples by rank: exactly {@link DataPlan#ranks} partitions, partition r for rank r, whose
   * records go to {@link io.kiln.datasource.rank.RankSamples#load}. Lazy: one shuffle runs before
   * the stage that maps over it.
   */
  public JavaRDD<byte[]> partitions(DataPlan plan) {
    return corpus.partitions(plan);
  }

  /** Frees Spark's storage. */
  @Override
  public void close() {
    corpus.close();
  }
}
