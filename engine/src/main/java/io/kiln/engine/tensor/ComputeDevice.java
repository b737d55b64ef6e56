package io.kiln.engine.tensor;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;

/**
 * The one device that a rank computes on.
 *
 * @param name {@code cpu}, or {@code cuda:N} with the GPU's number among those that this process
 *     sees
 */
public record ComputeDevice(String name) {
  private static final Pattern NAMES = Pattern.compile("cpu|cuda:(\\d{1,2})");

  /** The processor. */
  public static final ComputeDevice CPU = new ComputeDevice("cpu");

  public ComputeDevice {
    if (!NAMES.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "device \"" + name + "\": a rank computes on \"cpu\" or on one GPU, as in \"cuda:0\"");
    }
  }

  /** A GPU by its number among those that this process sees. */
  public static ComputeDevice gpu(int index) {
    return new ComputeDevice("cuda:" + index);
  }

  public boolean isGpu() {
    return !name.equals(CPU.name);
  }

  /** Number of the GPU; -1 for the processor. */
  public int index() {
    Matcher matcher = NAMES.matcher(name);
    return matcher.matches() && matcher.group(1) != null ? Integer.parseInt(matcher.group(1)) : -1;
  }

  /** As libtorch takes it; the caller's to close. */
  public Device open() {
    return new Device(name);
  }

  /**
   * Makes a GPU the current one of the calling thread, for what names none. CUDA's choice is per
   * thread, and GPU 0 until it is made. Nothing to do for the processor.
   *
   * @throws IllegalStateException if this process does not see the GPU
   */
  public void makeCurrent() {
    if (!isGpu()) {
      return;
    }
    int seen = torch.cuda_is_available() ? torch.cuda_device_count() : 0;
    if (index() >= seen) {
      throw new IllegalStateException(
          "device "
              + name
              + ": this process sees "
              + seen
              + (seen == 1 ? " GPU" : " GPUs")
              + (seen == 0
                  ? "; it takes a GPU, its driver and the CUDA natives of the build profile gpu"
                  : ": compare the discovery script's addresses with CUDA_VISIBLE_DEVICES"));
    }
    torch.setDeviceIndex((byte) index());
  }
}
