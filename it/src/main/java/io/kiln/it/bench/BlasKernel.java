package io.kiln.it.bench;

import io.kiln.engine.tensor.Tensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Asks OpenBLAS which processor's kernels it uses: it says so once, when it is loaded. */
final class BlasKernel {
  private BlasKernel() {}

  /** The child: loads the library and multiplies once. */
  public static void main(String[] arguments) {
    try (PointerScope scope = new PointerScope()) {
      Tensor square = Tensors.zeros(ScalarType.Float, new Device("cpu"), 8, 8);
      square.mm(square);
    }
  }

  /** Its name, such as {@code Cooperlake}, in a process started with this environment. */
  static String inUse(Map<String, String> environment) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            BlasKernel.class.getName());
    builder.environment().remove("OPENBLAS_CORETYPE");
    builder.environment().remove("OPENBLAS_L2_SIZE");
    builder.environment().putAll(environment);
    builder.environment().put("OPENBLAS_VERBOSE", "2");
    builder.redirectErrorStream(true);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return output
        .lines()
        .filter(line -> line.startsWith("Core: "))
        .map(line -> line.substring("Core: ".length()).trim())
        .findFirst()
        .orElse("unknown");
  }
}
