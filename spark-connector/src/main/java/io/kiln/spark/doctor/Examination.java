package io.kiln.spark.doctor;

import io.kiln.spark.cluster.Processor;
import io.kiln.spark.cluster.RankEnvironment;
import io.kiln.spark.cluster.SparkMaster;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Looks at a machine.
 *
 * @param jars folder of Spark's, Kiln's and libtorch's jars
 * @param natives {@code cpu} or {@code gpu}: which natives were built in
 * @param environment that jobs started from here inherit
 */
public record Examination(Path jars, String natives, Map<String, String> environment) {
  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
  private static final long GIGABYTE = 1L << 30;
  private static final long LEAST_DISK = 5 * GIGABYTE;

  /** What a job of this machine exchanges through shared memory, a rank: slots of 512 KiB. */
  private static final long SHARED_MEMORY_A_RANK = 16L << 20;

  private static final Pattern KERNEL = Pattern.compile("Core:\\s*(\\S+)");
  private static final Pattern PROBED =
      Pattern.compile("load_ms=(\\d+) fp32=([\\d.]+) bf16=([\\d.]+)");

  /** What a probe's process said. */
  private record Probed(String kernel, long loadMillis, double fp32, double bf16) {}

  public Examination {
    environment = Map.copyOf(environment);
  }

  /** All findings, in the order of what matters most. */
  public List<Finding> findings() {
    List<Finding> all = new ArrayList<>();
    Processor processor = Processor.ofThisMachine();
    all.add(
        Finding.good(
            "processor",
            processor.name()
                + ", "
                + processor.cores()
                + " cores here, "
                + processor.widestVectors()));
    all.addAll(products());
    all.addAll(AttentionFindings.of(child(AttentionProbe.class, rankEnvironment())));
    all.add(threads());
    all.add(hugePages());
    all.add(malloc());
    all.add(gpu());
    all.add(spark(processor.cores()));
    all.add(disk("disk", Path.of(System.getProperty("java.io.tmpdir"))));
    all.add(sharedMemory(processor.cores()));
    return all;
  }

  private List<Finding> products() {
    Map<String, String> as = rankEnvironment();
    Optional<Probed> found = probe(as);
    if (found.isEmpty()) {
      return List.of(
          Finding.costly("libtorch", "does not load", "nothing can be trained on this machine"));
    }
    List<Finding> all = new ArrayList<>();
    all.add(
        Finding.good(
            "libtorch",
            torchVersion()
                + ", natives for "
                + natives
                + ", loads in "
                + found.get().loadMillis()
                + " ms"));
    String speed =
        String.format(
            Locale.ROOT,
            "%s; products on one core at %.0f GFLOP/s in fp32, %.0f in bf16",
            found.get().kernel(),
            found.get().fp32(),
            found.get().bf16());
    boolean forced =
        environment.containsKey("OPENBLAS_CORETYPE") || environment.containsKey("OPENBLAS_L2_SIZE");
    if (forced) {
      as.remove("OPENBLAS_CORETYPE");
      as.remove("OPENBLAS_L2_SIZE");
      Optional<Probed> free = probe(as);
      if (free.isPresent() && free.get().fp32() > 1.05 * found.get().fp32()) {
        all.add(
            Finding.costly(
                "BLAS kernel",
                speed,
                String.format(
                    Locale.ROOT,
                    "OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE of the environment force it: unset, it is %s"
                        + " at %.0f GFLOP/s, %.1fx",
                    free.get().kernel(),
                    free.get().fp32(),
                    free.get().fp32() / found.get().fp32())));
        return all;
      }
    }
    all.add(Finding.good("BLAS kernel", speed));
    return all;
  }

  /** What a rank of one thread would find here. */
  private Map<String, String> rankEnvironment() {
    Map<String, String> variables = new LinkedHashMap<>(environment);
    variables.putAll(RankEnvironment.variables(1, environment));
    return variables;
  }

  /** What a program prints that runs in a process of its own; nothing if it fails. */
  private String child(Class<?> main, Map<String, String> variables) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(RankEnvironment.javaOptions());
    command.addAll(List.of("-cp", jars + "/*", main.getName()));
    ProcessBuilder child = new ProcessBuilder(command).redirectErrorStream(true);
    child.environment().clear();
    child.environment().putAll(variables);
    child.environment().put("OPENBLAS_VERBOSE", "2");
    return run(child, 120).orElse("");
  }

  private Optional<Probed> probe(Map<String, String> variables) {
    String said = child(ProductProbe.class, variables);
    Matcher numbers = PROBED.matcher(said);
    if (!numbers.find()) {
      return Optional.empty();
    }
    Matcher kernel = KERNEL.matcher(said);
    return Optional.of(
        new Probed(
            kernel.find() ? kernel.group(1) : "unknown kernel",
            Long.parseLong(numbers.group(1)),
            Double.parseDouble(numbers.group(2)),
            Double.parseDouble(numbers.group(3))));
  }

  private String torchVersion() {
    try (var files = Files.newDirectoryStream(jars, "pytorch-*-linux-*.jar")) {
      for (Path jar : files) {
        return jar.getFileName().toString().replaceAll("^pytorch-([\\d.]+)-.*", "$1");
      }
    } catch (IOException unreadable) {
      // The same answer.
    }
    return "?";
  }

  private Finding threads() {
    String set = "bound to spark.task.cpus in the executors that Kiln starts";
    for (String name : List.of("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")) {
      if (environment.containsKey(name)) {
        return Finding.good(
            "threads", set + " (" + name + "=" + environment.get(name) + " here is overruled)");
      }
    }
    return Finding.good("threads", set + "; a session of your own must set them: unbound costs 2x");
  }

  private Finding hugePages() {
    Optional<String> state =
        read(HUGE_PAGES).map(text -> text.replaceAll("(?s).*\\[(\\w+)].*", "$1"));
    String glibc =
        run(new ProcessBuilder("getconf", "GNU_LIBC_VERSION"), 5)
            .orElse("")
            .replace("glibc", "")
            .strip();
    if (state.isEmpty() || state.get().equals("never")) {
      return Finding.costly(
          "huge pages", state.orElse("not told"), "5-15 % of a step: echo madvise > " + HUGE_PAGES);
    }
    Matcher version = Pattern.compile("(\\d+)\\.(\\d+)").matcher(glibc);
    boolean tunable =
        version.find()
            && (Integer.parseInt(version.group(1)) > 2 || Integer.parseInt(version.group(2)) >= 35);
    return tunable || state.get().equals("always")
        ? Finding.good("huge pages", state.get() + ", glibc " + glibc)
        : Finding.costly(
            "huge pages",
            state.get() + ", glibc " + (glibc.isEmpty() ? "unknown" : glibc),
            "glibc asks for them from 2.35 on; a few % of a step");
  }

  private Finding malloc() {
    List<String> kept = new ArrayList<>();
    for (String name :
        List.of(
            "MALLOC_ARENA_MAX",
            "MALLOC_MMAP_MAX_",
            "MALLOC_TRIM_THRESHOLD_",
            "MALLOC_TOP_PAD_",
            "GLIBC_TUNABLES",
            "LD_PRELOAD")) {
      if (environment.containsKey(name)) {
        kept.add(name + "=" + environment.get(name));
      }
    }
    return Finding.good(
        "malloc",
        "set in the executors that Kiln starts"
            + (kept.isEmpty() ? "" : "; kept from the environment: " + String.join(" ", kept)));
  }

  private Finding gpu() {
    Optional<String> driver =
        read(Path.of("/proc/driver/nvidia/version"))
            .map(text -> text.replaceAll("(?s).*?(\\d+\\.\\d+(?:\\.\\d+)?).*", "$1"));
    if (driver.isEmpty()) {
      return Finding.good(
          "GPU",
          natives.equals("gpu")
              ? "no NVIDIA driver; the natives fall back to the processor"
              : "no NVIDIA driver");
    }
    String cards =
        run(
                new ProcessBuilder(
                    "nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"),
                20)
            .map(text -> String.join("; ", text.strip().lines().toList()))
            .orElse("cards not told");
    String found = cards + ", driver " + driver.get();
    return natives.equals("gpu")
        ? Finding.good("GPU", found)
        : Finding.costly(
            "GPU", found, "unused by the natives built in: KILN_NATIVES=gpu bin/kiln … uses it");
  }

  private static Finding spark(int cores) {
    int slots = SparkMaster.parse(SparkMaster.DEFAULT).slots(1).orElse(0);
    String found =
        org.apache.spark.package$.MODULE$.SPARK_VERSION()
            + ", default master "
            + SparkMaster.DEFAULT
            + ": "
            + slots
            + " slots for "
            + cores
            + " cores";
    return slots > cores
        ? Finding.costly("Spark", found, "ranks share cores: up to " + slots + "x a step")
        : slots < cores
            ? Finding.costly(
                "Spark",
                found,
                (cores - slots) + " cores idle: spark.master local-cluster[" + cores + ",1,1024]")
            : Finding.good("Spark", found);
  }

  private static Finding disk(String subject, Path folder) {
    Optional<Long> free = free(folder);
    String found = folder + ": " + free.map(Examination::gigabytes).orElse("?") + " free";
    return free.isPresent() && free.get() < LEAST_DISK
        ? Finding.costly(
            subject, found, "shuffles and spilled samples lie there: spark.local.dir names another")
        : Finding.good(subject, found);
  }

  private static Finding sharedMemory(int ranks) {
    Path folder = Path.of("/dev/shm");
    Optional<Long> free = free(folder);
    String found = "/dev/shm: " + free.map(Examination::gigabytes).orElse("?") + " free";
    long needed = ranks * SHARED_MEMORY_A_RANK;
    return free.isEmpty() || free.get() < needed
        ? Finding.costly(
            "shared mem",
            found,
            "ranks of one host exchange through a file in "
                + System.getProperty("java.io.tmpdir")
                + " instead: docker run --shm-size=1g")
        : Finding.good("shared mem", found);
  }

  private static Optional<Long> free(Path folder) {
    try {
      FileStore store = Files.getFileStore(folder);
      return Optional.of(store.getUsableSpace());
    } catch (IOException unknown) {
      return Optional.empty();
    }
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", (double) bytes / GIGABYTE);
  }

  private static Optional<String> read(Path file) {
    try {
      return Optional.of(Files.readString(file));
    } catch (IOException absent) {
      return Optional.empty();
    }
  }

  private static Optional<String> run(ProcessBuilder command, long seconds) {
    try {
      Path output = Files.createTempFile("kiln-doctor", ".txt");
      try {
        Process process = command.redirectOutput(output.toFile()).start();
        process.getOutputStream().close();
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          return Optional.empty();
        }
        return process.exitValue() == 0 ? Optional.of(Files.readString(output)) : Optional.empty();
      } finally {
        Files.deleteIfExists(output);
      }
    } catch (IOException absent) {
      return Optional.empty();
    } catch (InterruptedException hurried) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
