package io.kiln.engine.optim;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.tensor.NativeOwner;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Lion (Chen et al. 2023, program 1): the sign of an interpolation between momentum and gradient.
 *
 * <p>No fused kernel exists, so slices are worked through in chunks that stay in the cache; the
 * only temporary is as large as one chunk.
 */
final class Lion implements Optimizer {
  /** 256 KiB each of parameter, gradient, momentum and temporary: a megabyte of second cache. */
  private static final long CHUNK_ON_CPU = 1 << 16;

  private static final long CHUNK_ON_GPU = 1 << 24;

  private record Chunk(Tensor parameter, Tensor gradient, Tensor momentum, Tensor update) {}

  private record Chunks(List<Chunk> all, NativeOwner owner) implements Prepared {
    @Override
    public void close() {
      owner.close();
    }
  }

  private final SlicesByRates<Chunks> slicesByRates = new SlicesByRates<>(Lion::cut);

  Lion(OptimizerConfig.Lion config) {}

  @Override
  public List<String> stateNames() {
    return List.of("exp_avg");
  }

  @Override
  public void step(long step, List<Slice> slices, double gradientDivisor) {
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard guard = new NoGradGuard();
      slicesByRates.forEach(slices, (chunks, rates) -> update(chunks, rates, gradientDivisor));
      guard.close();
    }
  }

  private static void update(Chunks chunks, Rates rates, double divisor) {
    // Only the sign of beta1 m + (1 - beta1) g is wanted: divided by beta1 it takes one pass.
    double share = rates.beta1() == 0 ? 1 : (1 - rates.beta1()) / (rates.beta1() * divisor);
    Scalar gradientShare = new Scalar(share);
    Scalar beta2 = new Scalar(rates.beta2());
    Scalar rest2 = new Scalar((1 - rates.beta2()) / divisor);
    Scalar kept = new Scalar(1 - rates.learningRate() * rates.weightDecay());
    Scalar back = new Scalar(-rates.learningRate());
    for (Chunk chunk : chunks.all()) {
      if (rates.beta1() == 0) {
        chunk.update().copy_(chunk.gradient()).sign_();
      } else {
        torch.add_out(chunk.update(), chunk.momentum(), chunk.gradient(), gradientShare).sign_();
      }
      if (rates.weightDecay() != 0) {
        chunk.parameter().mul_(kept);
      }
      chunk.parameter().add_(chunk.update(), back);
      chunk.momentum().mul_(beta2).add_(chunk.gradient(), rest2);
    }
  }

  private static Chunks cut(List<Slice> slices) {
    NativeOwner owner = new NativeOwner();
    List<Chunk> all = new ArrayList<>();
    try (PointerScope scope = new PointerScope()) {
      long chunk = slices.get(0).parameter().is_cpu() ? CHUNK_ON_CPU : CHUNK_ON_GPU;
      long longest = slices.stream().mapToLong(s -> s.parameter().numel()).max().orElse(0);
      Tensor update =
          owner.own(
              torch.empty_like(slices.get(0).parameter().new_empty(Math.min(chunk, longest))));
      for (Slice slice : slices) {
        long elements = slice.parameter().numel();
        for (long begin = 0; begin < elements; begin += chunk) {
          long length = Math.min(chunk, elements - begin);
          all.add(
              new Chunk(
                  owner.own(slice.parameter().narrow(0, begin, length)),
                  owner.own(slice.gradient().narrow(0, begin, length)),
                  owner.own(slice.state().get(0).narrow(0, begin, length)),
                  owner.own(update.narrow(0, 0, length))));
        }
      }
    }
    return new Chunks(all, owner);
  }

  @Override
  public void close() {
    slicesByRates.close();
  }
}
