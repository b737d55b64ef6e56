package io.kiln.engine.comm;

import io.kiln.engine.tensor.ComputeDevice;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.BroadcastOptions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;

/**
 * Ranks with a GPU each, over NCCL: c10d's process group, of which all-to-all, all-gather and
 * broadcast are used, because sums are formed here, in rank order and fp32. Takes tensors on this
 * rank's GPU, which it makes the current one of the thread that joins.
 *
 * <p>Collectives run on NCCL's stream; {@link Pending#await()} returns when theirs is done, so that
 * a peer that does not answer ends in an exception and not in a device that hangs. Run so far with
 * one rank on one GPU (its bits are a solo rank's), not with several.
 */
public final class NcclCommunicator implements Communicator {
  private final KeyStore store;
  private final ProcessGroupNCCL group;
  private final ComputeDevice device;
  private final int rank;
  private final int size;
  private final Duration timeout;
  private long waitNanos;
  private volatile String failure;
  private boolean closed;

  private NcclCommunicator(
      KeyStore store, ProcessGroupNCCL group, ComputeDevice device, Membership membership) {
    this.store = store;
    this.group = group;
    this.device = device;
    this.rank = membership.rank();
    this.size = membership.size();
    this.timeout = membership.timeout();
  }

  /** Joins; the store is closed with the communicator. */
  static NcclCommunicator connect(KeyStore store, Membership membership) {
    ComputeDevice device = new ComputeDevice(membership.device());
    if (!device.isGpu()) {
      throw new CommunicationException(
          "rank "
              + membership.rank()
              + ": NCCL is between GPUs, and this rank computes on the processor: name its GPU in"
              + " its membership, as in cuda:0, or take another transport");
    }
    requireNatives(membership.rank());
    try (PointerScope scope = new PointerScope()) {
      // NCCL binds a communicator to the GPU that is current.
      device.makeCurrent();
      ProcessGroupNCCL.Options options = ProcessGroupNCCL.Options.create();
      options.timeout(new Milliseconds(membership.timeout().toMillis()));
      ProcessGroupNCCL group =
          new ProcessGroupNCCL(store.store(), membership.rank(), membership.size(), options);
      group.retainReference();
      return new NcclCommunicator(store, group, device, membership);
    } catch (RuntimeException e) {
      throw new CommunicationException(
          "rank " + membership.rank() + ": NCCL cannot start: " + KeyStore.firstLine(e), e);
    }
  }

  private static void requireNatives(int rank) {
    String mend = "; it takes a GPU, its driver and the CUDA natives of the build profile gpu";
    try {
      Loader.load(ProcessGroupNCCL.class);
    } catch (LinkageError | RuntimeException e) {
      throw new CommunicationException(
          "rank " + rank + ": NCCL cannot be loaded (" + KeyStore.firstLine(e) + ")" + mend, e);
    }
    if (!torch.cuda_is_available()) {
      throw new CommunicationException("rank " + rank + ": NCCL finds no GPU" + mend);
    }
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public long waitNanos() {
    return waitNanos;
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    Flat.checkReduceScatter(input, output, size);
    checkOnDevice(input, output);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      Tensor arrived = torch.empty_like(input);
      Work work = allToAllWork(input.variable_data(), arrived);
      Tensor target = output.variable_data();
      return pending(
          "reduce-scatter", work, () -> sum(arrived, target, accumulate), arrived, target);
    }
  }

  /**
   * Adds up the parts in rank order, in fp32, on the current stream. The parts may be lost by it.
   */
  private void sum(Tensor parts, Tensor output, boolean accumulate) {
    long part = output.numel();
    Tensor total = parts.narrow(0, 0, part).to(ScalarType.Float);
    for (int r = 1; r < size; r++) {
      total.add_(parts.narrow(0, r * part, part));
    }
    output.copy_(accumulate ? total.add_(output) : total);
  }

  @Override
  public Pending allGather(Tensor shard, Tensor whole) {
    Flat.checkAllGather(shard, whole, size);
    checkOnDevice(shard, whole);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      Tensor target = whole.variable_data();
      if (shard.element_size() >= whole.element_size()) {
        Tensor own = target.narrow(0, rank * shard.numel(), shard.numel());
        own.copy_(shard.variable_data());
        return pending("all-gather", group._allgather_base(target, own), () -> {}, target, own);
      }
      Tensor narrow = torch.empty(new long[] {whole.numel()}, shard.options(), null);
      Work work = group._allgather_base(narrow, shard.variable_data());
      return pending("all-gather", work, () -> target.copy_(narrow), target, narrow);
    }
  }

  @Override
  public Pending allReduce(Tensor tensor) {
    Flat.checkAllReduce(tensor);
    checkOnDevice(tensor);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      // Both halves are put on the streams now, so that all ranks launch in one order.
      long length = tensor.numel();
      long part = (length + size - 1) / size;
      Tensor target = tensor.variable_data();
      Tensor padded = torch.empty(new long[] {part * size}, tensor.options(), null);
      padded.narrow(0, 0, length).copy_(target);
      Tensor arrived = torch.empty_like(padded);
      allToAllWork(padded, arrived)._wait();
      Tensor own = padded.narrow(0, rank * part, part);
      sum(arrived, own, false);
      Work work = group._allgather_base(padded, own);
      return pending(
          "all-reduce", work, () -> target.copy_(padded.narrow(0, 0, length)), target, padded);
    }
  }

  @Override
  public Pending broadcast(Tensor tensor, int root) {
    Flat.checkBroadcast(tensor, root, size);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      BroadcastOptions options = new BroadcastOptions();
      options.rootRank(root);
      if (tensor.is_cpu()) {
        // What is kept in host memory goes over the device.
        Tensor staged = onDevice(tensor);
        Tensor host = tensor.variable_data();
        Work work = group.broadcast(new TensorVector(staged), options);
        return pending("broadcast", work, () -> host.copy_(staged), host, staged);
      }
      checkOnDevice(tensor);
      Tensor target = tensor.variable_data();
      Work work = group.broadcast(new TensorVector(target), options);
      return pending("broadcast", work, () -> {}, target);
    }
  }

  private Tensor onDevice(Tensor tensor) {
    return tensor.variable_data().to(device.open(), tensor.scalar_type());
  }

  /** As an all-to-all in which all but one part is nothing; of host memory over the device. */
  @Override
  public Pending pass(Tensor output, int to, Tensor input, int from) {
    Flat.checkPass(output, to, input, from, rank, size);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      long count = output.numel();
      Tensor sent =
          torch.empty(new long[] {size * count}, onDevice(output).options(), null).zero_();
      sent.narrow(0, to * count, count).copy_(output.variable_data());
      Tensor arrived = torch.empty_like(sent);
      Tensor own = arrived.narrow(0, from * count, count);
      Tensor target = input.variable_data();
      Work work = allToAllWork(sent, arrived);
      return pending("pass", work, () -> target.copy_(own), target, own, sent, arrived);
    }
  }

  @Override
  public Pending allToAll(Tensor input, Tensor output) {
    Flat.checkAllToAll(input, output, size);
    checkOnDevice(input, output);
    checkUsable();
    try (PointerScope scope = new PointerScope()) {
      Tensor arrived = torch.empty_like(output);
      Tensor target = output.variable_data();
      Work work = allToAllWork(input.variable_data(), arrived);
      return pending("all-to-all", work, () -> target.copy_(arrived), target, arrived);
    }
  }

  private Work allToAllWork(Tensor input, Tensor output) {
    return group.alltoall_base(output, input, new LongVector(), new LongVector());
  }

  @Override
  public double[] sum(double... values) {
    checkUsable();
    return values.length == 0 ? values : gatherNumbers("sum of numbers", values);
  }

  @Override
  public void barrier() {
    checkUsable();
    gatherNumbers("barrier", 0);
  }

  private double[] gatherNumbers(String operation, double... values) {
    try (PointerScope scope = new PointerScope()) {
      Tensor host =
          torch
              .from_blob(
                  new DoublePointer(values),
                  new long[] {values.length},
                  new TensorOptions(ScalarType.Double))
              .clone();
      Tensor own = host.to(device.open(), ScalarType.Double);
      TensorOptions onDevice =
          new TensorOptions(ScalarType.Double).device(new DeviceOptional(own.device()));
      Tensor all = torch.empty(new long[] {(long) size * values.length}, onDevice, null);
      pending(operation, group._allgather_base(all, own), () -> {}).await();
      DoublePointer gathered = all.cpu().data_ptr_double();
      double[] sums = new double[values.length];
      for (int r = 0; r < size; r++) {
        for (int i = 0; i < sums.length; i++) {
          double term = gathered.get((long) r * sums.length + i);
          sums[i] = r == 0 ? term : sums[i] + term;
        }
      }
      return sums;
    }
  }

  private Pending pending(String operation, Work work, Runnable finish, Tensor... kept) {
    work.retainReference();
    for (Tensor tensor : kept) {
      tensor.retainReference();
    }
    List<Work> left = new ArrayList<>(List.of(work));
    return () -> {
      if (left.isEmpty()) {
        return;
      }
      checkUsable();
      left.clear();
      try (PointerScope scope = new PointerScope()) {
        complete(operation, work);
        finish.run();
      } finally {
        work.releaseReference();
        for (Tensor tensor : kept) {
          tensor.releaseReference();
        }
      }
    };
  }

  private void complete(String operation, Work work) {
    long start = System.nanoTime();
    try {
      while (!work.isCompleted()) {
        if (failure != null) {
          throw new CommunicationException(
              "rank " + rank + ": " + operation + " ended: " + failure);
        }
        if (System.nanoTime() - start > timeout.toNanos()) {
          throw fail(
              String.format(
                  Locale.ROOT,
                  "rank %d heard nothing of the others for %.1f s in %s",
                  rank,
                  timeout.toMillis() / 1000.0,
                  operation),
              null);
        }
        Thread.onSpinWait();
      }
      work._wait();
    } catch (CommunicationException e) {
      throw e;
    } catch (RuntimeException e) {
      throw fail(operation + " ended: " + KeyStore.firstLine(e), e);
    } finally {
      waitNanos += System.nanoTime() - start;
    }
  }

  private CommunicationException fail(String reason, RuntimeException cause) {
    failure = store.peek("failure").orElse(reason);
    store.offer("failure", failure);
    return new CommunicationException("rank " + rank + ": " + failure, cause);
  }

  private void checkOnDevice(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (!tensor.is_cuda()) {
        throw new IllegalArgumentException(
            "NCCL takes tensors on a GPU; host tensors need another transport");
      }
      try (Device at = tensor.device()) {
        if (at.index() != device.index()) {
          throw new IllegalArgumentException(
              "this rank's GPU is " + device.name() + ", the tensor is on cuda:" + at.index());
        }
      }
    }
  }

  @Override
  public void checkUsable() {
    if (failure != null) {
      throw new CommunicationException("rank " + rank + ": the communicator is dead: " + failure);
    }
    if (closed) {
      throw new CommunicationException("rank " + rank + ": the communicator is closed");
    }
  }

  @Override
  public void abort(String reason) {
    failure = "rank " + rank + " aborted: " + reason;
    store.offer("failure", failure);
    group.abort();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      group.releaseReference();
      store.close();
    }
  }
}
