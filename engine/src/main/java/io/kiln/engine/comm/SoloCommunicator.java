package io.kiln.engine.comm;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/** A group of one. Copies where input and output are two places, and does nothing where not. */
public final class SoloCommunicator implements Communicator {
  private volatile String failure;

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    Flat.checkReduceScatter(input, output, 1);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      // An alias of its own leaves autograd's version counter alone, as the other backends do.
      Tensor to = output.variable_data();
      Tensor from = input.variable_data();
      if (accumulate) {
        to.add_(from);
      } else {
        copy(from, to);
      }
    }
    return Pending.DONE;
  }

  @Override
  public Pending allGather(Tensor shard, Tensor whole) {
    Flat.checkAllGather(shard, whole, 1);
    checkUsable();
    return copied(shard, whole);
  }

  @Override
  public Pending allReduce(Tensor tensor) {
    Flat.checkAllReduce(tensor);
    checkUsable();
    return Pending.DONE;
  }

  @Override
  public Pending broadcast(Tensor tensor, int root) {
    Flat.checkBroadcast(tensor, root, 1);
    checkUsable();
    return Pending.DONE;
  }

  @Override
  public Pending pass(Tensor output, int to, Tensor input, int from) {
    Flat.checkPass(output, to, input, from, 0, 1);
    checkUsable();
    return copied(output, input);
  }

  @Override
  public Pending allToAll(Tensor input, Tensor output) {
    Flat.checkAllToAll(input, output, 1);
    checkUsable();
    return copied(input, output);
  }

  private static Pending copied(Tensor from, Tensor to) {
    try (PointerScope scope = new PointerScope()) {
      copy(from.variable_data(), to.variable_data());
    }
    return Pending.DONE;
  }

  private static void copy(Tensor from, Tensor to) {
    boolean same = Flat.type(from) == Flat.type(to) && from.numel() > 0;
    if (!same || from.data_ptr().address() != to.data_ptr().address()) {
      to.copy_(from);
    }
  }

  @Override
  public double[] sum(double... values) {
    checkUsable();
    return values.clone();
  }

  @Override
  public void barrier() {
    checkUsable();
  }

  @Override
  public void checkUsable() {
    if (failure != null) {
      throw new CommunicationException(failure);
    }
  }

  @Override
  public void abort(String reason) {
    failure = "rank 0 aborted: " + reason;
  }

  @Override
  public long waitNanos() {
    return 0;
  }

  @Override
  public void close() {
    failure = "rank 0: the communicator is closed";
  }
}
