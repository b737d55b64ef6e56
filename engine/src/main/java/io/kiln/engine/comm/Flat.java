package io.kiln.engine.comm;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What a collective asks of its tensors, checked at the door. */
final class Flat {
  private Flat() {}

  /** {@code input} is {@code size} times as long as {@code output}, and can be summed into it. */
  static void checkReduceScatter(Tensor input, Tensor output, int size) {
    check("reduce-scatter input", input);
    check("reduce-scatter output", output);
    ScalarType type = checkSummable("reduce-scatter", input);
    ScalarType result = type(output);
    if (result != type && result != ScalarType.Float) {
      throw new IllegalArgumentException(
          "reduce-scatter of " + type + " goes to " + type + " or Float, not to " + result);
    }
    checkTimes("reduce-scatter input", input.numel(), "output", output.numel(), size);
  }

  /** {@code whole} is {@code size} times as long as {@code shard}. */
  static void checkAllGather(Tensor shard, Tensor whole, int size) {
    check("all-gather shard", shard);
    check("all-gather whole", whole);
    checkTimes("all-gather whole", whole.numel(), "shard", shard.numel(), size);
  }

  static void checkAllReduce(Tensor tensor) {
    check("all-reduce tensor", tensor);
    checkSummable("all-reduce", tensor);
  }

  static void checkBroadcast(Tensor tensor, int root, int size) {
    check("broadcast tensor", tensor);
    if (root < 0 || root >= size) {
      throw new IllegalArgumentException("broadcast from rank " + root + " of " + size);
    }
  }

  static void checkShift(Tensor output, Tensor input) {
    check("shift output", output);
    check("shift input", input);
    if (type(input) != type(output) || input.numel() != output.numel()) {
      throw new IllegalArgumentException(
          "a shift of "
              + output.numel()
              + " elements cannot fill "
              + input.numel()
              + " or another type");
    }
  }

  static void checkPass(Tensor output, int to, Tensor input, int from, int rank, int size) {
    checkShift(output, input);
    boolean others = to != rank && from != rank || size == 1;
    if (!others || Math.min(to, from) < 0 || Math.max(to, from) >= size) {
      throw new IllegalArgumentException(
          "rank " + rank + " of " + size + " cannot pass to " + to + " and receive from " + from);
    }
  }

  static void checkAllToAll(Tensor input, Tensor output, int size) {
    check("all-to-all input", input);
    check("all-to-all output", output);
    if (type(input) != type(output) || input.numel() != output.numel()) {
      throw new IllegalArgumentException(
          "all-to-all of "
              + input.numel()
              + " "
              + type(input)
              + " into "
              + output.numel()
              + " "
              + type(output)
              + ": both must be the same");
    }
    if (input.numel() % size != 0) {
      throw new IllegalArgumentException(
          "all-to-all of " + input.numel() + " elements does not divide among " + size + " ranks");
    }
  }

  /** A type that can be compared with {@code ==}, which what a tensor answers cannot. */
  static ScalarType type(Tensor tensor) {
    return tensor.scalar_type().intern();
  }

  private static void check(String what, Tensor tensor) {
    if (tensor.dim() != 1 || !tensor.is_contiguous()) {
      throw new IllegalArgumentException(
          what + " must be one-dimensional and contiguous: pass a flat view");
    }
  }

  /** Host memory, which sockets and shared memory need. */
  static void checkOnHost(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (!tensor.is_cpu()) {
        throw new IllegalArgumentException(
            "this communicator takes tensors in host memory; GPU tensors need the NCCL transport");
      }
    }
  }

  private static ScalarType checkSummable(String what, Tensor tensor) {
    ScalarType type = type(tensor);
    if (type != ScalarType.Float && type != ScalarType.BFloat16 && type != ScalarType.Half) {
      throw new IllegalArgumentException(what + " sums Float, BFloat16 and Half, not " + type);
    }
    return type;
  }

  private static void checkTimes(String what, long whole, String other, long part, int size) {
    if (whole != part * size) {
      throw new IllegalArgumentException(
          what + " has " + whole + " elements, not " + size + " times the " + other + "'s " + part);
    }
  }
}
