package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.train.Training;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** What a manifest says of a training, beside its step and files. */
final class ManifestContent {
  static final String PARAMETERS = "parameters";
  static final String OPTIMIZER_STATES = "optimizer_states";
  private static final ObjectMapper JSON = new ObjectMapper();

  private ManifestContent() {}

  /** Of a training between two steps. */
  static ObjectNode of(Training training, RunDescription run, int ranks) {
    ObjectNode json = JSON.createObjectNode();
    json.put("written", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    training.state().put(json);
    json.put("samples", training.steps() * training.plan().deepspeed().batch().global());
    json.putObject("mesh").put("data", ranks);
    json.put("zero_stage", training.plan().deepspeed().zero().stage());
    json.put("dtype", training.plan().deepspeed().precision().dtype().label());
    ArrayNode states = json.putArray(OPTIMIZER_STATES);
    training.optimizerStates().forEach(states::add);
    run.put(json);
    json.set(
        PARAMETERS,
        parameters(
            training.plan().model().blocks().stream()
                .flatMap(block -> block.parameters().stream())
                .toList()));
    return json;
  }

  /** Names and shapes. */
  static ArrayNode parameters(List<ParameterSpec> specs) {
    ArrayNode all = JSON.createArrayNode();
    for (ParameterSpec spec : specs) {
      ArrayNode shape = all.addObject().put("name", spec.name()).putArray("shape");
      spec.shape().forEach(shape::add);
    }
    return all;
  }
}
