package io.kiln.spark.doctor;

import io.kiln.engine.model.AttentionBackend;
import io.kiln.engine.model.AttentionTiming;
import io.kiln.engine.tensor.Dtype;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch;

/**
 * Main class of a child process: times both back ends of attention on one thread at a middling
 * model's shape. A line a dtype: {@code attention=fp32 chosen=… fused=… spelled_out=… other=…
 * reason=…} (milliseconds; {@code other=faster} where the choice is not this machine's best).
 */
public final class AttentionProbe {
  /** The shape, in words. */
  static final String SHAPE = "6 heads of 64, 256 tokens, batch 4";

  private static final int HEADS = 6;
  private static final int SIZE = 64;
  private static final int TIME = 256;
  private static final int BATCH = 4;
  private static final int TURNS = 9;

  private AttentionProbe() {}

  /** The process's entry. */
  public static void main(String[] arguments) {
    torch.set_num_threads(1);
    for (Dtype dtype : List.of(Dtype.FP32, Dtype.BF16)) {
      AttentionBackend.Choice choice = AttentionBackend.choose(dtype.scalarType(), false, false);
      AttentionTiming timing = AttentionTiming.measure(dtype, BATCH, TIME, HEADS, SIZE, TURNS);
      Optional<AttentionBackend> faster = timing.fasterThan(choice.backend());
      System.out.printf(
          Locale.ROOT,
          "attention=%s chosen=%s fused=%.1f spelled_out=%.1f other=%s reason=%s%n",
          dtype.label(),
          choice.backend(),
          timing.millis(AttentionBackend.FUSED),
          timing.millis(AttentionBackend.SPELLED_OUT),
          faster.isPresent() ? "faster" : "slower",
          choice.reason());
    }
  }
}
