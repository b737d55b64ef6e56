package io.kiln.spark.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A processor as Linux describes it.
 *
 * @param name its maker's
 * @param flags instruction sets, as in {@code /proc/cpuinfo}
 * @param cores that this process may use
 */
public record Processor(String name, Set<String> flags, int cores) {
  /** OpenBLAS's kernels that use AVX-512. */
  private static final Set<String> AVX512_KERNELS =
      Set.of("skylakex", "cooperlake", "sapphirerapids");

  public Processor {
    flags = Set.copyOf(flags);
  }

  /** The one this runs on; without flags where the system does not tell. */
  public static Processor ofThisMachine() {
    int cores = Runtime.getRuntime().availableProcessors();
    try {
      return parse(Files.readAllLines(Path.of("/proc/cpuinfo")), cores);
    } catch (IOException unknown) {
      return new Processor(System.getProperty("os.arch"), Set.of(), cores);
    }
  }

  static Processor parse(List<String> cpuinfo, int cores) {
    return new Processor(
        field(cpuinfo, "model name"), Set.of(field(cpuinfo, "flags").split("\\s+")), cores);
  }

  private static String field(List<String> cpuinfo, String name) {
    return cpuinfo.stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse("");
  }

  /** Whether an OpenBLAS kernel leaves vectors unused that this processor has. */
  public boolean kernelIsOlder(String kernel) {
    String asked = kernel.toLowerCase(Locale.ROOT);
    return flags.contains("avx512f")
        ? !AVX512_KERNELS.contains(asked)
        : flags.contains("avx2")
            && !Set.of("haswell", "zen").contains(asked)
            && !AVX512_KERNELS.contains(asked);
  }

  /** Whether it is an x86 that multiplies bf16 only by turning it into fp32 and back. */
  public boolean emulatesBf16() {
    return flags.contains("avx2") && !flags.contains("avx512_bf16") && !flags.contains("amx_bf16");
  }

  /** The widest vectors it computes with. */
  public String widestVectors() {
    if (flags.contains("avx512_bf16")) {
      return "AVX-512 with bf16";
    }
    return flags.contains("avx512f") ? "AVX-512" : flags.contains("avx2") ? "AVX2" : "no AVX2";
  }
}
