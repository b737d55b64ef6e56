package io.kiln.engine.model;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Constant tensors that depend on the length of the sequence alone: the causal mask, the rotary
 * tables. Made at first use for each dtype and device, grown when a longer sequence comes, shared
 * by the blocks of one model, used by one thread. {@link #close} frees them; it may be called
 * twice.
 */
final class SequenceTables implements AutoCloseable {
  /**
   * Cosines and signed sines, {@code [time, 1, headSize]}: {@code rotated = x * cosine + swap(x) *
   * sine}, where swap exchanges the halves of the features and the first half of the sines carries
   * the minus.
   */
  record RotaryTable(Tensor cosine, Tensor sine) {}

  private record Key(String table, ScalarType type, String device) {}

  private final long longest;
  private final double[] frequencies;
  private final Map<Key, Tensor> tables = new HashMap<>();

  /**
   * @param longest positions that the model has
   * @param rotary what the rotary tables follow, if there are any
   */
  SequenceTables(long longest, Optional<Rotary> rotary, long headSize) {
    this.longest = longest;
    this.frequencies = rotary.map(r -> r.frequencies(headSize)).orElse(new double[0]);
  }

  /** {@code [time, time]}: 0 where the column is no later than the row, minus infinity after. */
  Tensor causalMask(long time, Tensor like) {
    Tensor mask =
        table(
            "mask",
            time,
            like,
            n -> torch.full(new long[] {n, n}, new Scalar(Double.NEGATIVE_INFINITY)).triu(1));
    return mask.size(0) == time ? mask : mask.narrow(0, 0, time).narrow(1, 0, time);
  }

  /** For positions 0 to {@code time}, exclusive. */
  RotaryTable rotary(long time, Tensor like) {
    Tensor cosine = table("cosine", time, like, n -> angles(n, false));
    Tensor sine = table("sine", time, like, n -> angles(n, true));
    return cosine.size(0) == time
        ? new RotaryTable(cosine, sine)
        : new RotaryTable(cosine.narrow(0, 0, time), sine.narrow(0, 0, time));
  }

  private Tensor angles(long time, boolean signedSine) {
    int half = frequencies.length;
    float[] values = new float[Math.toIntExact(time * 2 * half)];
    for (int t = 0, at = 0; t < time; t++, at += 2 * half) {
      for (int i = 0; i < half; i++) {
        double angle = t * frequencies[i];
        double second = signedSine ? Math.sin(angle) : Math.cos(angle);
        values[at + i] = (float) (signedSine ? -second : second);
        values[at + half + i] = (float) second;
      }
    }
    return Tensor.create(values, time, 1, 2L * half);
  }

  private Tensor table(String name, long time, Tensor like, LongFunction<Tensor> make) {
    ScalarType type = like.scalar_type().intern();
    Device device = like.device();
    Key key = new Key(name, type, device.is_cpu() ? "cpu" : device.str().getString());
    Tensor known = tables.get(key);
    if (known != null && known.size(0) >= time) {
      return known;
    }
    // Exactly as long as asked for at first (training asks for one length), doubled from then on
    // (generation asks for a longer one each time).
    long length = known == null ? time : Math.max(time, Math.min(longest, 2 * known.size(0)));
    Tensor table;
    try (PointerScope scope = new PointerScope()) {
      table = make.apply(length).to(device, type);
      table.retainReference();
    }
    tables.put(key, table);
    if (known != null) {
      known.close();
    }
    return table;
  }

  @Override
  public void close() {
    tables.values().forEach(Tensor::close);
    tables.clear();
  }
}
