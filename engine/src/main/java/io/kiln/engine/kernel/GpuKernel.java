package io.kiln.engine.kernel;

import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.engine.tensor.NativeOwner;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;

/**
 * A kernel that NVRTC compiled for one GPU; belongs to the thread that compiled it. Errors of a
 * launch show at the next call that waits for the device, as those of libtorch's kernels do.
 */
final class GpuKernel implements AutoCloseable {
  private final NativeOwner owner = new NativeOwner();
  private final ComputeDevice device;
  private final CUfunc_st function;

  /**
   * Compiles one.
   *
   * @param resource file beside this class
   * @param function an {@code extern "C"} kernel in it
   * @param definitions macros, as in {@code HALF=1}
   * @throws KernelException if there is no NVRTC or it does not compile
   */
  GpuKernel(String resource, String function, ComputeDevice device, List<String> definitions) {
    this.device = device;
    try (PointerScope scope = new PointerScope()) {
      device.makeCurrent();
      // Binds the device's context to this thread.
      check("no context on " + device.name(), cudart.cudaFree(null));
      // What is not there shows here and not at a launch.
      stream();
      BytePointer binary = compile(resource, definitions, architecture(device));
      CUmod_st module = owner.own(new CUmod_st());
      checkDriver(resource + " cannot be loaded", cudart.cuModuleLoadData(module, binary));
      owner.own(module, () -> cudart.cuModuleUnload(module));
      this.function = owner.own(new CUfunc_st());
      checkDriver(
          resource + " has no " + function,
          cudart.cuModuleGetFunction(this.function, module, function));
    } catch (LinkageError missing) {
      owner.close();
      throw new KernelException(
          "a library of CUDA's cannot be loaded: "
              + String.valueOf(missing.getMessage()).lines().findFirst().orElse("")
              + "; NVRTC and the others come with the CUDA toolkit and cuDNN",
          missing);
    } catch (RuntimeException failed) {
      owner.close();
      throw failed;
    }
  }

  private static String architecture(ComputeDevice device) {
    int[] major = new int[1];
    int[] minor = new int[1];
    check(
        "compute capability of " + device.name(),
        cudart.cudaDeviceGetAttribute(
            major, cudart.cudaDevAttrComputeCapabilityMajor, device.index()));
    check(
        "compute capability of " + device.name(),
        cudart.cudaDeviceGetAttribute(
            minor, cudart.cudaDevAttrComputeCapabilityMinor, device.index()));
    return "sm_" + major[0] + minor[0];
  }

  private static BytePointer compile(
      String resource, List<String> definitions, String architecture) {
    List<String> options = new ArrayList<>();
    options.add("--gpu-architecture=" + architecture);
    options.add("--std=c++17");
    definitions.forEach(definition -> options.add("-D" + definition));
    _nvrtcProgram program = new _nvrtcProgram();
    checkCompiler(
        resource,
        nvrtc.nvrtcCreateProgram(
            program,
            new BytePointer(source(resource), StandardCharsets.UTF_8),
            new BytePointer(resource, StandardCharsets.UTF_8),
            0,
            new PointerPointer<>((Pointer) null),
            new PointerPointer<>((Pointer) null)));
    try {
      BytePointer[] said =
          options.stream()
              .map(option -> new BytePointer(option, StandardCharsets.UTF_8))
              .toArray(BytePointer[]::new);
      int result = nvrtc.nvrtcCompileProgram(program, said.length, new PointerPointer<>(said));
      if (result != nvrtc.NVRTC_SUCCESS) {
        throw new KernelException(
            resource + " does not compile for " + architecture + ": " + log(program));
      }
      SizeTPointer size = new SizeTPointer(1);
      checkCompiler(resource, nvrtc.nvrtcGetCUBINSize(program, size));
      BytePointer binary = new BytePointer(size.get());
      checkCompiler(resource, nvrtc.nvrtcGetCUBIN(program, binary));
      return binary;
    } finally {
      nvrtc.nvrtcDestroyProgram(program);
    }
  }

  private static String source(String resource) {
    try (InputStream stream = GpuKernel.class.getResourceAsStream(resource)) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String log(_nvrtcProgram program) {
    SizeTPointer size = new SizeTPointer(1);
    nvrtc.nvrtcGetProgramLogSize(program, size);
    BytePointer log = new BytePointer(size.get());
    nvrtc.nvrtcGetProgramLog(program, log);
    return log.getString()
        .lines()
        .filter(line -> !line.isBlank())
        .collect(Collectors.joining("; "));
  }

  /**
   * Puts a launch on the current stream of the kernel's device.
   *
   * @param blocks how many; not 0
   * @param threads of each
   * @param arguments in the kernel's order: tensors (as pointers to their values), longs, floats
   */
  void launch(long blocks, int threads, Object... arguments) {
    try (PointerScope scope = new PointerScope()) {
      Pointer[] values = new Pointer[arguments.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = value(arguments[i]);
      }
      checkDriver(
          "launch",
          cudart.cuLaunchKernel(
              function,
              Math.toIntExact(blocks),
              1,
              1,
              threads,
              1,
              1,
              0,
              stream(),
              new PointerPointer<>(values),
              new PointerPointer<>((Pointer) null)));
    }
  }

  /** libtorch's current stream, which Kiln leaves at the default: CUDA's null stream. */
  private CUstream_st stream() {
    try (Device place = device.open()) {
      if (torch.getDeviceGuardImpl(DeviceType.CUDA).getStream(place).id() != 0) {
        throw new KernelException(
            "GPU kernels of Kiln's own take libtorch's default stream, and another is current");
      }
    }
    return new CUstream_st();
  }

  private static Pointer value(Object argument) {
    if (argument instanceof Tensor tensor) {
      return new LongPointer(new long[] {tensor.data_ptr().address()});
    }
    if (argument instanceof Long number) {
      return new LongPointer(new long[] {number});
    }
    if (argument instanceof Float number) {
      return new FloatPointer(new float[] {number});
    }
    throw new IllegalArgumentException("no kernel argument: " + argument);
  }

  private static void check(String what, int result) {
    if (result != cudart.cudaSuccess) {
      throw new KernelException(what + ": " + cudart.cudaGetErrorString(result).getString());
    }
  }

  private static void checkDriver(String what, int result) {
    if (result != cudart.CUDA_SUCCESS) {
      throw new KernelException("GPU kernel " + what + ": driver error " + result);
    }
  }

  private static void checkCompiler(String what, int result) {
    if (result != nvrtc.NVRTC_SUCCESS) {
      throw new KernelException(
          "GPU kernel " + what + ": NVRTC: " + nvrtc.nvrtcGetErrorString(result).getString());
    }
  }

  @Override
  public void close() {
    owner.close();
  }
}
