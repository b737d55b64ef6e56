package io.kiln.engine.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.optim.LossScaleState;
import java.util.Optional;

/**
 * Where a training stands between two steps, all but the tensors. Schedules are functions of the
 * steps applied, samples and random numbers of the step taken, so nothing else is remembered.
 *
 * @param step steps taken
 * @param applied of these, steps whose gradient was finite: what schedules and bias correction
 *     count
 * @param lossScale what the loss scaler remembers; empty where none has run yet
 */
public record TrainingState(long step, long applied, Optional<LossScaleState> lossScale) {
  /** Before the first step. */
  public static final TrainingState BEGINNING = new TrainingState(0, 0, Optional.empty());

  /** Writes it, without the step, into a manifest. */
  public void put(ObjectNode json) {
    json.put("applied_steps", applied);
    lossScale.ifPresent(
        state ->
            json.putObject("loss_scaler")
                .put("scale", state.scale())
                .put("clean_steps", state.cleanSteps())
                .put("hysteresis", state.hysteresis()));
  }

  /** What {@link #put} wrote. */
  public static TrainingState of(long step, JsonNode json) {
    JsonNode scaler = json.path("loss_scaler");
    return new TrainingState(
        step,
        json.path("applied_steps").asLong(),
        scaler.isObject()
            ? Optional.of(
                new LossScaleState(
                    scaler.path("scale").asDouble(),
                    scaler.path("clean_steps").asLong(),
                    scaler.path("hysteresis").asInt()))
            : Optional.empty());
  }
}
