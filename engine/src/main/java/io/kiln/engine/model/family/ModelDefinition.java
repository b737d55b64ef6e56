package io.kiln.engine.model.family;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.model.Model;

/** Everything about a model but its values. Immutable; each rank makes its own {@link Model}. */
public sealed interface ModelDefinition permits DecoderDefinition, PerceptronDefinition {
  /** As in the configuration: {@code gpt2}, {@code llama}, {@code mlp}. */
  String modelType();

  /** A new chain of blocks; whoever asks closes it. */
  Model model();

  /** How the parameters lie in Hugging Face files. */
  HuggingFaceLayout layout();

  /**
   * The complete configuration, sizes from the data included; for gpt2 and llama one that Hugging
   * Face's {@code AutoConfig} loads. {@link ModelFamilies#parse} gives this definition again.
   */
  ObjectNode toJson();

  /**
   * What decides the function from parameters to outputs, by the configuration's keys, with every
   * default spelled out: parameters of one definition may go on in another where this is equal. Not
   * in it are dropout, which a run may change on its way, and how first values are drawn.
   */
  ObjectNode function();
}
