package io.kiln.spark.barrier;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;

/**
 * A GPU as Spark names it: what the discovery script printed, most often its number on the machine
 * (as {@code nvidia-smi} counts), or its UUID ({@code GPU-…}, {@code MIG-…}).
 *
 * <p>CUDA counts only what {@code CUDA_VISIBLE_DEVICES} lists, in that order, and reads it once in
 * the life of a process. An executor may hold several tasks, with a GPU each, in one process: so
 * the variable can only be set before the executor starts, and here it is only read.
 *
 * @param address as in the task's resources
 */
record GpuAddress(String address) {
  /**
   * Number of the GPU among those that CUDA shows this process.
   *
   * @param visible {@code CUDA_VISIBLE_DEVICES} of this process
   * @param gpusOfExecutor how many Spark gave the executor
   * @param gpusSeen how many CUDA shows this process; asked only where the answer hangs on it
   * @throws IllegalStateException if the address does not lead to one; the message says the mend
   */
  int index(Optional<String> visible, int gpusOfExecutor, IntSupplier gpusSeen) {
    List<String> listed =
        visible.map(v -> Arrays.stream(v.split(",")).map(String::strip).toList()).orElse(List.of());
    int place = placeIn(listed);
    if (place > 0 && address.startsWith("MIG-")) {
      throw refused("is not the first in CUDA_VISIBLE_DEVICES, and CUDA shows a process one MIG");
    }
    if (place >= 0) {
      return place;
    }
    if (visible.isEmpty() && isNumber()) {
      return Integer.parseInt(address);
    }
    if (gpusOfExecutor == 1 && gpusSeen.getAsInt() == 1) {
      // Whatever it is called: it is the executor's only one, and the only one here.
      return 0;
    }
    throw visible.isPresent()
        ? refused("is not in CUDA_VISIBLE_DEVICES=" + visible.get())
        : refused("is a UUID, which CUDA takes in CUDA_VISIBLE_DEVICES alone");
  }

  private boolean isNumber() {
    return address.matches("\\d{1,2}");
  }

  /** CUDA lets a UUID be shortened as long as it is one device's. */
  private int placeIn(List<String> listed) {
    for (int i = 0; i < listed.size(); i++) {
      String entry = listed.get(i);
      boolean shortened = entry.matches("(GPU|MIG)-.+") && address.startsWith(entry);
      if (entry.equals(address) || shortened) {
        return i;
      }
    }
    return -1;
  }

  private IllegalStateException refused(String reason) {
    return new IllegalStateException(
        "GPU \""
            + address
            + "\" "
            + reason
            + ": let the discovery script print the numbers of nvidia-smi, or start each worker"
            + " with CUDA_VISIBLE_DEVICES naming its GPUs as the script does (one GPU an executor"
            + " where they are MIG devices)");
  }
}
