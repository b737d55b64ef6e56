package io.kiln.engine.model;

import io.kiln.engine.kernel.CrossEntropyKernel;
import io.kiln.engine.kernel.KernelException;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.tensor.NativeOwner;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Negative log-likelihood of the right class, in nats. Of a {@link LanguageModelHead}'s 16-bit
 * logits on a GPU, one kernel computes loss and gradient in the logits' place.
 */
public final class CrossEntropy implements Objective {
  private static final Logger LOG = LoggerFactory.getLogger(CrossEntropy.class);
  private static final long SUM = 2; // at::Reduction::Sum

  private final OptionalLong headClasses;

  /** By dtype; absent where it cannot be compiled. */
  private final Map<ScalarType, Optional<CrossEntropyKernel>> kernels =
      new EnumMap<>(ScalarType.class);

  /** Over whatever the last block's output is; every column is a class. */
  public CrossEntropy() {
    this.headClasses = OptionalLong.empty();
  }

  /**
   * Over the logits of a {@link LanguageModelHead}, which nobody needs afterwards.
   *
   * @param classes columns that count, from the first
   */
  CrossEntropy(long classes) {
    this.headClasses = OptionalLong.of(classes);
  }

  /**
   * @param output logits {@code [..., classes]} of any floating-point dtype
   * @param targets {@code [...]} int64, {@link #IGNORED} where there is none
   */
  @Override
  public Tensor lossSum(Tensor output, Tensor targets) {
    long columns = output.size(output.dim() - 1);
    long classes = headClasses.orElse(columns);
    Tensor counted = classes == columns ? output : output.narrow(-1, 0, classes);
    Tensor logits = counted.reshape(-1, classes);
    if (logits.scalar_type().intern() != ScalarType.Float) {
      logits = logits.to(ScalarType.Float);
    }
    return torch.cross_entropy_loss(
        logits, targets.reshape(-1), new TensorOptional(), SUM, IGNORED, 0);
  }

  @Override
  public Scored score(Tensor output, Tensor targets, double factor, NativeOwner holder) {
    Optional<CrossEntropyKernel> kernel = kernel(output);
    if (kernel.isEmpty()) {
      return Objective.super.score(output, targets, factor, holder);
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor losses = kernel.get().run(output, targets, headClasses.getAsLong(), IGNORED, factor);
      double lossSum = losses.sum(new ScalarTypeOptional(ScalarType.Double)).item().toDouble();
      return new Scored(lossSum, holder.own(new Tensor(output)));
    }
  }

  private Optional<CrossEntropyKernel> kernel(Tensor output) {
    return headClasses.isPresent() && CrossEntropyKernel.takes(output)
        ? kernels.computeIfAbsent(output.scalar_type().intern(), type -> compile(output, type))
        : Optional.empty();
  }

  private static Optional<CrossEntropyKernel> compile(Tensor output, ScalarType type) {
    try (PointerScope scope = new PointerScope()) {
      ComputeDevice device = ComputeDevice.gpu(output.device().index());
      return Optional.of(new CrossEntropyKernel(device, type));
    } catch (KernelException impossible) {
      LOG.warn(
          "cross entropy by libtorch's operators, which takes more time and memory: {}",
          impossible.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    kernels.values().forEach(kernel -> kernel.ifPresent(CrossEntropyKernel::close));
    kernels.clear();
  }
}
