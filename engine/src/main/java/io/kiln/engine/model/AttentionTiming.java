package io.kiln.engine.model;

import io.kiln.engine.tensor.Dtype;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * What attention costs on this machine's CPU with each back end, forward and backward, to hold
 * {@link AttentionBackend#choose} against. The two took turns: values of the same index belong
 * together.
 *
 * @param fused milliseconds of each turn
 * @param spelledOut the same with the operators one by one
 */
public record AttentionTiming(List<Double> fused, List<Double> spelledOut) {
  /** How much shorter a median has to be before it counts. */
  private static final double MARGIN = 1.1;

  public AttentionTiming {
    fused = List.copyOf(fused);
    spelledOut = List.copyOf(spelledOut);
  }

  /**
   * Measures on the calling thread.
   *
   * @param batch rows
   * @param time positions
   * @param heads query heads, and as many key/value heads
   * @param size features a head
   * @param repetitions of each, in turn
   */
  public static AttentionTiming measure(
      Dtype dtype, long batch, int time, int heads, long size, int repetitions) {
    List<Double> fused = new ArrayList<>();
    List<Double> spelledOut = new ArrayList<>();
    try (PointerScope scope = new PointerScope();
        SequenceTables tables = new SequenceTables(time, Optional.empty(), size)) {
      CausalAttention attention = new CausalAttention(tables, new Dropout(0, 0, 0));
      Tensor[] inputs = new Tensor[3];
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] =
            torch.randn(batch, time, heads, size).to(dtype.scalarType()).set_requires_grad(true);
      }
      Tensor gradient = torch.ones(batch, time, heads * size).to(dtype.scalarType());
      for (int i = -1; i < repetitions; i++) {
        double first = run(attention, AttentionBackend.FUSED, inputs, gradient);
        double second = run(attention, AttentionBackend.SPELLED_OUT, inputs, gradient);
        // The first round warms caches and tables up.
        if (i >= 0) {
          fused.add(first);
          spelledOut.add(second);
        }
      }
    }
    return new AttentionTiming(fused, spelledOut);
  }

  private static double run(
      CausalAttention attention, AttentionBackend backend, Tensor[] inputs, Tensor gradient) {
    try (PointerScope scope = new PointerScope()) {
      long start = System.nanoTime();
      Tensor output = attention.apply(backend, inputs[0], inputs[1], inputs[2], Pass.evaluation());
      output.backward(gradient, new BoolOptional(false), false, new TensorArrayRefOptional());
      return (System.nanoTime() - start) / 1e6;
    }
  }

  /** Median milliseconds of a back end. */
  public double millis(AttentionBackend backend) {
    List<Double> sorted = turns(backend).stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }

  private List<Double> turns(AttentionBackend backend) {
    return backend == AttentionBackend.FUSED ? fused : spelledOut;
  }

  /**
   * The back end that is faster than the given one by more than noise: in every turn, and by more
   * than a tenth in the median.
   */
  public Optional<AttentionBackend> fasterThan(AttentionBackend chosen) {
    AttentionBackend other =
        chosen == AttentionBackend.FUSED ? AttentionBackend.SPELLED_OUT : AttentionBackend.FUSED;
    for (int i = 0; i < fused.size(); i++) {
      if (turns(other).get(i) >= turns(chosen).get(i)) {
        return Optional.empty();
      }
    }
    return millis(chosen) > MARGIN * millis(other) ? Optional.of(other) : Optional.empty();
  }
}
