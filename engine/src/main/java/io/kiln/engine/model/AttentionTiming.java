package io.kiln.engine.model;

import io.kiln.engine.tensor.Dtype;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * What attention costs on this machine's CPU with each back end, to hold {@link
 * AttentionBackend#choose} against.
 *
 * @param fusedMillis forward and backward, median
 * @param spelledOutMillis the same with the operators one by one
 */
public record AttentionTiming(double fusedMillis, double spelledOutMillis) {
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
    double[] fused = new double[repetitions];
    double[] spelledOut = new double[repetitions];
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
          fused[i] = first;
          spelledOut[i] = second;
        }
      }
    }
    return new AttentionTiming(median(fused), median(spelledOut));
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

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
