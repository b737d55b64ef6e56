package io.kiln.spark.cluster;

import io.kiln.engine.tensor.Dtype;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What native libraries read from the environment of a process before any Java runs, and which
 * decides speed by factors: threads (OpenBLAS keeps a pool of its own that {@code set_num_threads}
 * does not bind) and memory pages (glibc gives large tensors back after each use and faults them in
 * again). On GPUs also which of them is number 0: Spark's addresses come from {@code nvidia-smi},
 * which counts by bus, and CUDA would count the fastest first.
 */
public final class RankEnvironment {
  private static final String HUGE_PAGES = "glibc.malloc.hugetlb";

  private RankEnvironment() {}

  /**
   * Variables to set for a process that hosts ranks. What the environment already says about memory
   * is kept.
   *
   * @param threads of one rank
   * @param inherited the environment that the process would otherwise have
   */
  public static Map<String, String> variables(int threads, Map<String, String> inherited) {
    Map<String, String> set = new LinkedHashMap<>();
    set.put("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    set.put("OPENBLAS_NUM_THREADS", Integer.toString(threads));
    set.put("OMP_NUM_THREADS", Integer.toString(threads));
    String tunables = inherited.getOrDefault("GLIBC_TUNABLES", "");
    if (!tunables.contains(HUGE_PAGES)) {
      set.put(
          "GLIBC_TUNABLES",
          tunables.isEmpty() ? HUGE_PAGES + "=1" : tunables + ":" + HUGE_PAGES + "=1");
    }
    memory()
        .forEach(
            (name, value) -> {
              if (!inherited.containsKey(name)) {
                set.put(name, value);
              }
            });
    return set;
  }

  /**
   * The same for executors that Spark starts: {@code spark.executorEnv.*}.
   *
   * @param inherited the environment that the executors would otherwise have; empty where that is
   *     another machine's, of which nothing is known here
   */
  public static Map<String, String> executorSettings(int threads, Map<String, String> inherited) {
    Map<String, String> settings = new LinkedHashMap<>();
    variables(threads, inherited)
        .forEach((name, value) -> settings.put("spark.executorEnv." + name, value));
    return settings;
  }

  /** Keeps the memory of large tensors in the process from one use to the next. */
  private static Map<String, String> memory() {
    Map<String, String> set = new LinkedHashMap<>();
    set.put("MALLOC_ARENA_MAX", "1");
    set.put("MALLOC_MMAP_MAX_", "0");
    set.put("MALLOC_TRIM_THRESHOLD_", Long.toString(16L << 30));
    set.put("MALLOC_TOP_PAD_", Long.toString(256L << 20));
    return set;
  }

  /**
   * Options of every JVM that uses libtorch: JavaCPP would otherwise take four times the heap for
   * the limit of the whole process, and keep a list of every native object for its collector, which
   * has nothing to do here: scopes own them all. A small collective takes 4 to 8 µs with these and
   * 28 µs without.
   */
  public static List<String> javaOptions() {
    return List.of(
        "-Dorg.bytedeco.javacpp.nopointergc=true",
        "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
        "-Dorg.bytedeco.javacpp.maxbytes=0");
  }

  /**
   * Where the environment of a running process stands in the way of its ranks, a line each; empty
   * where nothing does.
   *
   * @param environment of the process
   * @param threads that a rank has
   */
  public static List<String> obstacles(Map<String, String> environment, int threads) {
    List<String> lines = new ArrayList<>();
    List<String> unbound = new ArrayList<>();
    for (String name : List.of("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")) {
      if (!Integer.toString(threads).equals(environment.get(name))) {
        unbound.add(name + "=" + threads);
      }
    }
    if (!unbound.isEmpty()) {
      lines.add(
          "threads are not bound: start the session with spark.executorEnv."
              + String.join(" and spark.executorEnv.", unbound)
              + " (for local[N], in the environment of the driver); costs up to 2x");
    }
    if (!environment.getOrDefault("GLIBC_TUNABLES", "").contains(HUGE_PAGES)
        && !environment.containsKey("MALLOC_TRIM_THRESHOLD_")) {
      lines.add(
          "large tensors are faulted in anew on each use: start the session with"
              + " spark.executorEnv.GLIBC_TUNABLES="
              + HUGE_PAGES
              + "=1; costs 5-15 % of a step");
    }
    blasKernel(environment).ifPresent(lines::add);
    return lines;
  }

  /** Whether the environment forces a BLAS kernel older than the processor, in a line. */
  public static Optional<String> blasKernel(Map<String, String> environment) {
    String forced = environment.get("OPENBLAS_CORETYPE");
    if (forced == null || forced.isBlank()) {
      return Optional.empty();
    }
    Processor processor = Processor.ofThisMachine();
    return processor.kernelIsOlder(forced)
        ? Optional.of(
            "OPENBLAS_CORETYPE="
                + forced
                + " forces an older BLAS kernel than this processor's ("
                + processor.widestVectors()
                + "); unset, fp32 products can run up to 2x as fast")
        : Optional.empty();
  }

  /** Whether a processor has no instructions for what a rank computes in, in a line. */
  public static Optional<String> slowDtype(Dtype dtype, Processor processor) {
    return dtype == Dtype.BF16 && processor.emulatesBf16()
        ? Optional.of(
            "bf16 has no instructions on this processor ("
                + processor.name()
                + " has neither avx512_bf16 nor amx_bf16): products take several times as long as"
                + " in fp32; leave bf16 out of the configuration")
        : Optional.empty();
  }
}
