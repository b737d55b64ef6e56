package io.kiln.spark;

import io.kiln.spark.output.OutputDirectory;
import io.kiln.spark.output.TrainingSummary;
import java.io.PrintStream;
import org.apache.spark.sql.SparkSession;

public final class TrainedModel {
  private final SparkSession session;
  private final OutputDirectory folder;

  private TrainedModel(SparkSession session, OutputDirectory folder) {
    this.session = session;
    this.folder = folder;
  }

  public static TrainedModel load(SparkSession session, String path) {
    OutputDirectory folder = OutputDirectory.of(path, session.sparkContext().hadoopConfiguration());
    return new TrainedModel(session, folder);
  }

  public TrainingSummary summary() {
    return TrainingSummary.ofJson(folder.readJson(TrainingSummary.NAME));
  }

  void describe(PrintStream out, long seconds) {
    out.println("the model is in " + folder.shown() + " " + summary());
  }
}
