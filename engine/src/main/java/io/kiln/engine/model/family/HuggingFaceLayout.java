package io.kiln.engine.model.family;

import io.kiln.engine.model.DecoderNames;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterRole;
import io.kiln.engine.model.ParameterSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * How parameters lie in Hugging Face files: under the same names, but GPT-2's products are stored
 * as {@code [in, out]} where the computation has {@code [out, in]}.
 *
 * @param transposedProducts whether the files hold products transposed
 * @param optionalPrefix what older files of the family leave out of every name; may be empty
 */
public record HuggingFaceLayout(boolean transposedProducts, String optionalPrefix) {
  /** Files that hold everything as the computation does. */
  public static final HuggingFaceLayout PLAIN = new HuggingFaceLayout(false, "");

  /** Names a file may have the parameter under, the usual one first. */
  public List<String> names(ParameterSpec spec) {
    return !optionalPrefix.isEmpty() && spec.name().startsWith(optionalPrefix)
        ? List.of(spec.name(), spec.name().substring(optionalPrefix.length()))
        : List.of(spec.name());
  }

  /** Shape in the file. */
  public List<Long> shape(ParameterSpec spec) {
    if (!transposed(spec)) {
      return spec.shape();
    }
    List<Long> reversed = new ArrayList<>(spec.shape());
    Collections.reverse(reversed);
    return reversed;
  }

  /**
   * A view of a value (to be written, or to be read into) as the file has it; not contiguous where
   * the file has it transposed.
   */
  public Tensor toFile(ParameterSpec spec, Tensor value) {
    return transposed(spec) ? value.t() : value;
  }

  /** The model's parameters, each once, in the order of the blocks. */
  public static Stream<ParameterSpec> parameters(Model model) {
    return model.blocks().stream().flatMap(b -> b.parameters().stream());
  }

  private boolean transposed(ParameterSpec spec) {
    return transposedProducts
        && spec.shape().size() == 2
        && (spec.role() == ParameterRole.COLUMN || spec.role() == ParameterRole.ROW)
        // An untied head is an ordinary linear layer even in GPT-2.
        && !spec.name().equals(DecoderNames.GPT2.head());
  }
}
