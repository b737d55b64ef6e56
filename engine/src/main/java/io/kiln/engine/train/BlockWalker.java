package io.kiln.engine.train;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Scored;
import io.kiln.engine.model.Weights;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.train.StepClock.Phase;
import io.kiln.engine.zero.BlockParameters;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * Takes a micro-batch through the chain of blocks, forward and back. What happens between two
 * blocks (parameters that come and go, gradients that leave, activations that are kept) happens
 * here and only here.
 */
public final class BlockWalker {
  private final Model model;
  private final List<BlockParameters> parameters;
  private final Retention retention;
  private final Device device;
  private final Communicator communicator;

  /** Blocks reached so far; written by the training thread alone. */
  private volatile long visits;

  /**
   * @param parameters of the model's blocks, in order
   * @param device where they are; lives as long as the walker
   * @param communicator whose end is the walker's
   */
  public BlockWalker(
      Model model,
      List<BlockParameters> parameters,
      Retention retention,
      Device device,
      Communicator communicator) {
    this.model = model;
    this.parameters = parameters;
    this.retention = retention;
    this.device = device;
    this.communicator = communicator;
  }

  /**
   * Adds the micro-batch's gradient to the parameters' gradients.
   *
   * @param lossFactor what the sum of the losses is multiplied by before backward
   * @param first whether this is the step's first micro-batch
   * @param last whether it is the last
   * @param clock told when forward and backward have ended
   * @return the sum of the losses over the valid targets, without the factor
   */
  public double forwardBackward(
      MicroBatch batch,
      Pass pass,
      double lossFactor,
      boolean first,
      boolean last,
      StepClock clock) {
    endIfAsked();
    List<Kept> kept = new ArrayList<>(model.blocks().size());
    try (PointerScope scope = new PointerScope()) {
      Tensor hidden = here(batch.inputs());
      for (int i = 0; i < model.blocks().size(); i++) {
        Weights weights = arrive(i, i + 1);
        kept.add(retention.run(model.blocks().get(i), weights, hidden, pass));
        hidden = kept.get(i).output();
      }

      NativeOwner held = new NativeOwner();
      Scored scored = model.objective().score(hidden, here(batch.targets()), lossFactor, held);
      clock.lap(Phase.FORWARD);
      backward(kept, scored.gradient(), held, first, last);
      clock.lap(Phase.BACKWARD);
      return scored.lossSum();
    } finally {
      kept.forEach(Kept::close);
    }
  }

  private void backward(
      List<Kept> kept, Tensor outputGradient, NativeOwner held, boolean first, boolean last) {
    NativeOwner holder = held;
    Tensor gradient = outputGradient;
    try {
      for (int i = model.blocks().size() - 1; i >= 0; i--) {
        try (PointerScope scope = new PointerScope()) {
          arrive(i, i - 1);
          NativeOwner next = new NativeOwner();
          gradient = next.own(kept.get(i).backward(gradient));
          holder.close();
          holder = next;
          parameters.get(i).gradientReady(first, last);
        }
        kept.get(i).close();
      }
    } finally {
      holder.close();
    }
  }

  /** Blocks reached so far, forward and back: grows as long as this rank gets on. Any thread. */
  long visits() {
    return visits;
  }

  /** Micro-batches are made in host memory; a copy on the device, where that is another. */
  private Tensor here(Tensor tensor) {
    return device.is_cpu() ? tensor : tensor.to(device, tensor.scalar_type());
  }

  /** The weights of block {@code i}, while those of block {@code next} set out. */
  private Weights arrive(int i, int next) {
    visits = visits + 1;
    Weights weights = parameters.get(i).acquire();
    if (next >= 0 && next < parameters.size()) {
      parameters.get(next).prefetch();
    }
    return weights;
  }

  /** Sum of the losses over the micro-batch's valid targets, without dropout or gradients. */
  public double evaluate(MicroBatch batch) {
    endIfAsked();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor output =
          model.forward(model.blocks().size(), i -> arrive(i, i + 1), here(batch.inputs()));
      return model.objective().lossSum(output, here(batch.targets())).item().toDouble();
    }
  }

  /** A micro-batch whose parameters are all here waits for nobody who would notice the end. */
  private void endIfAsked() {
    if (Thread.currentThread().isInterrupted()) {
      communicator.abort("interrupted");
    }
    communicator.checkUsable();
  }
}
