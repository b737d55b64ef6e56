package io.kiln.spark.barrier;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.train.EvaluationReport;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.recovery.CheckpointReport;
import java.io.UncheckedIOException;

/**
 * What a rank tells the driver while it runs. Travels as JSON text, so that no class loader has to
 * know these classes where Spark unpacks a message.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = RankMessage.Progress.class, name = "progress"),
  @JsonSubTypes.Type(value = RankMessage.Stepped.class, name = "stepped"),
  @JsonSubTypes.Type(value = RankMessage.Evaluated.class, name = "evaluated"),
  @JsonSubTypes.Type(value = RankMessage.Resumed.class, name = "resumed"),
  @JsonSubTypes.Type(value = RankMessage.BegunAnew.class, name = "begunAnew"),
  @JsonSubTypes.Type(value = RankMessage.Checkpointed.class, name = "checkpointed"),
  @JsonSubTypes.Type(value = RankMessage.Remarked.class, name = "remarked"),
  @JsonSubTypes.Type(value = RankMessage.Done.class, name = "done"),
  @JsonSubTypes.Type(value = RankMessage.Failed.class, name = "failed")
})
public sealed interface RankMessage {
  /** Who speaks. */
  int rank();

  /** The stage's attempt that it belongs to, from 0. */
  int attempt();

  /**
   * The beacon: where the rank is, once a second.
   *
   * @param executor that it runs in
   * @param progress grows as long as it gets on, inside a step too
   */
  record Progress(
      int rank, int attempt, String host, String executor, String phase, long step, long progress)
      implements RankMessage {}

  /** A step was taken; rank 0 alone says so. */
  record Stepped(int rank, int attempt, StepReport report) implements RankMessage {}

  /** An evaluation ended; rank 0 alone says so. */
  record Evaluated(int rank, int attempt, EvaluationReport report) implements RankMessage {}

  /** The training goes on from a checkpoint; rank 0 alone says so. */
  record Resumed(int rank, int attempt, long step, String where) implements RankMessage {}

  /** The training begins with its first step: there is no checkpoint; rank 0 alone says so. */
  record BegunAnew(int rank, int attempt) implements RankMessage {}

  /** A checkpoint is whole; rank 0 alone says so. */
  record Checkpointed(int rank, int attempt, CheckpointReport report) implements RankMessage {}

  /** Something that stands in the way of speed, in one line. */
  record Remarked(int rank, int attempt, String line) implements RankMessage {}

  /** The rank's work is done; asks whether every rank's is. */
  record Done(int rank, int attempt) implements RankMessage {}

  /** The rank ends with an error. */
  record Failed(int rank, int attempt, String host, Fault fault, String line, String stackTrace)
      implements RankMessage {}

  /** Whose fault an error is. */
  enum Fault {
    /** The job's: its data or configuration cannot be used. */
    INPUT,
    /** The rank's own. */
    OWN,
    /** The rank's own, and no new start would mend it. */
    FINAL,
    /** Another rank's, or the network's: it is gone or late. */
    PEER
  }

  /** As JSON. */
  default String toJson() {
    try {
      return Json.MAPPER.writerFor(RankMessage.class).writeValueAsString(this);
    } catch (JsonProcessingException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** What {@link #toJson()} gave. */
  static RankMessage ofJson(String json) {
    try {
      return Json.MAPPER.readValue(json, RankMessage.class);
    } catch (JsonProcessingException foreign) {
      throw new IllegalArgumentException("not a rank's message: " + json, foreign);
    }
  }

  /** One mapper for all messages: it is thread-safe and costly to make. */
  final class Json {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}
  }
}
