package io.kiln.it.bench;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Membership;
import io.kiln.engine.comm.Rendezvous;
import io.kiln.engine.comm.StoreServer;
import io.kiln.engine.comm.Transport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Collectives between two processes of this machine, one thread each: Gloo's own, Kiln's over
 * Gloo's sockets, Kiln's through shared memory, and a plain copy of the same bytes. The four take
 * turns, so that a slow minute of the machine hits all of them; medians are printed.
 */
@Command(
    name = "kiln bench collectives",
    mixinStandardHelpOptions = true,
    description = {
      "Times all-reduce, reduce-scatter and all-gather of fp32 messages of 64 KiB to 64 MiB between "
          + "two processes of this machine, one thread each, in microseconds (median of the "
          + "repetitions).",
      "Gloo: Gloo's own collective over the loopback. sockets: Kiln's over Gloo's sockets. shared: "
          + "Kiln's through a mapped file. copy: a plain memory copy of the same bytes, in both "
          + "processes at once.",
      "The size is that of the whole message: the input of a reduce-scatter, the output of an "
          + "all-gather. Aim: shared at least 3x as fast as Gloo's all-reduce at every size."
    })
public final class CollectivesBenchmark implements Callable<Integer> {
  private static final String HOST = "127.0.0.1";
  private static final String RESULT = "result ";
  private static final Duration TIMEOUT = Duration.ofSeconds(120);
  private static final int RANKS = 2;
  private static final long[] SIZES = {64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20};

  @Option(
      names = "--repetitions",
      description = "Rounds in which all take their turn (default: ${DEFAULT-VALUE}).")
  private int repetitions = 21;

  @Spec private CommandSpec spec;

  /** A benchmark, or, with {@code rank} before the rest, one of its ranks. */
  public static void main(String[] arguments) {
    if (arguments.length == 4 && arguments[0].equals("rank")) {
      measure(Integer.parseInt(arguments[1]), arguments[2], Integer.parseInt(arguments[3]));
      // Gloo's threads are not waited for.
      System.exit(0);
    }
    System.exit(run(arguments));
  }

  /** What {@code bin/kiln bench} calls. */
  public static int run(String[] arguments) {
    return BenchmarkCommand.run(new CollectivesBenchmark(), arguments);
  }

  @Override
  public Integer call() throws IOException {
    BenchmarkCommand.demand(spec, repetitions >= 1, "--repetitions is at least 1");
    List<Process> ranks = new ArrayList<>();
    try (StoreServer store = StoreServer.open(HOST)) {
      for (int r = 0; r < RANKS; r++) {
        ranks.add(start(r, store.address(), repetitions));
      }
      boolean whole = print(ranks.get(0));
      for (Process rank : ranks) {
        whole &= rank.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS) && rank.exitValue() == 0;
      }
      return whole ? 0 : 1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    } finally {
      ranks.forEach(Process::destroyForcibly);
    }
  }

  private static Process start(int rank, String store, int repetitions) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            // With JavaCPP's own limits on, every tensor object asks /proc for the process's size.
            "-Dorg.bytedeco.javacpp.nopointergc=true",
            "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
            "-Dorg.bytedeco.javacpp.maxbytes=0",
            "-cp",
            System.getProperty("java.class.path"),
            CollectivesBenchmark.class.getName(),
            "rank",
            String.valueOf(rank),
            store,
            String.valueOf(repetitions));
    builder.environment().put("OMP_NUM_THREADS", "1");
    builder.environment().put("OPENBLAS_NUM_THREADS", "1");
    builder.environment().put("TORCH_CPP_LOG_LEVEL", "ERROR");
    return builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Prints the table from rank 0's results as they come. */
  private static boolean print(Process rank) throws IOException {
    System.out.println("two processes, one thread each, fp32; microseconds, median");
    System.out.printf(
        Locale.ROOT,
        "%-15s %9s %10s %10s %10s %10s %14s %9s%n",
        "",
        "KiB",
        "Gloo",
        "sockets",
        "shared",
        "copy",
        "Gloo all-r./sh",
        "sh./copy");
    Map<String, Double> reference = new LinkedHashMap<>();
    double least = Double.MAX_VALUE;
    int lines = 0;
    try (BufferedReader output =
        new BufferedReader(new InputStreamReader(rank.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        if (!line.startsWith(RESULT)) {
          continue;
        }
        String[] fields = line.split(" ");
        double[] micros = Arrays.stream(fields).skip(3).mapToDouble(Double::parseDouble).toArray();
        String size = fields[2];
        reference.putIfAbsent(size, micros[0]);
        double ratio = reference.get(size) / micros[2];
        least = Math.min(least, ratio);
        System.out.printf(
            Locale.ROOT,
            "%-15s %9s %10.0f %10.0f %10.0f %10.0f %13.1fx %8.1fx%n",
            fields[1],
            size,
            micros[0],
            micros[1],
            micros[2],
            micros[3],
            ratio,
            micros[2] / micros[3]);
        lines++;
      }
    }
    if (lines < SIZES.length * Operation.values().length) {
      System.err.println("bench collectives: the ranks ended early");
      return false;
    }
    System.out.printf(
        Locale.ROOT,
        "shared memory is at least %.1fx as fast as Gloo's all-reduce (aim: 3x at every size)%n",
        least);
    return true;
  }

  private enum Operation {
    ALL_REDUCE("all-reduce"),
    REDUCE_SCATTER("reduce-scatter"),
    ALL_GATHER("all-gather");

    private final String label;

    Operation(String label) {
      this.label = label;
    }
  }

  /** Life of a rank. */
  private static void measure(int rank, String store, int repetitions) {
    try (PointerScope scope = new PointerScope();
        ProcessGroupGloo gloo = gloo(rank, store);
        Communicator sockets =
            Rendezvous.join(membership(rank, store, "sockets"), Transport.SOCKETS);
        Communicator shared =
            Rendezvous.join(membership(rank, store, "shared"), Transport.SHARED_MEMORY)) {
      for (Operation operation : Operation.values()) {
        for (long bytes : SIZES) {
          double[] micros = measure(operation, bytes, gloo, sockets, shared, repetitions);
          if (rank == 0) {
            System.out.printf(
                Locale.ROOT,
                "%s%s %d %.2f %.2f %.2f %.2f%n",
                RESULT,
                operation.label,
                bytes >> 10,
                micros[0],
                micros[1],
                micros[2],
                micros[3]);
          }
        }
      }
      shared.barrier();
    }
  }

  private static Membership membership(int rank, String store, String prefix) {
    return new Membership(rank, RANKS, HOST, store, prefix, TIMEOUT);
  }

  private static ProcessGroupGloo gloo(int rank, String store) {
    TCPStoreOptions client = new TCPStoreOptions();
    client.port((short) Integer.parseInt(store.substring(store.lastIndexOf(':') + 1)));
    client.isServer(false);
    client.waitWorkers(false);
    PrefixStore keys = new PrefixStore("gloo", new TCPStore(HOST, client));
    ProcessGroupGloo.Options options =
        ProcessGroupGloo.Options.create(new Milliseconds(TIMEOUT.toMillis()));
    options.devices(new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname(HOST)));
    return new ProcessGroupGloo(keys, rank, RANKS, options);
  }

  /** Median microseconds of Gloo's own, sockets, shared memory, copy. */
  private static double[] measure(
      Operation operation,
      long bytes,
      ProcessGroupGloo gloo,
      Communicator sockets,
      Communicator shared,
      int repetitions) {
    try (PointerScope scope = new PointerScope()) {
      long length = bytes / Float.BYTES;
      Tensor whole = zeros(length);
      Tensor part = zeros(length / RANKS);
      Tensor other = zeros(length);
      Runnable[] candidates = {
        () -> own(operation, gloo, whole, part),
        () -> run(operation, sockets, whole, part),
        () -> run(operation, shared, whole, part),
        () -> other.copy_(whole)
      };
      // Small messages go many at a time, or the clock and the barrier would be what is measured.
      int calls = (int) Math.max(1, Math.min(50, (8 << 20) / bytes));
      int warmUp = calls == 1 ? 2 : 20;
      double[][] micros = new double[candidates.length][repetitions];
      for (int i = -warmUp; i < repetitions; i++) {
        for (int k = 0; k < candidates.length; k++) {
          shared.barrier();
          long start = System.nanoTime();
          for (int c = 0; c < calls; c++) {
            try (PointerScope call = new PointerScope()) {
              candidates[k].run();
            }
          }
          if (i >= 0) {
            micros[k][i] = (System.nanoTime() - start) / 1e3 / calls;
          }
        }
      }
      return Arrays.stream(micros).mapToDouble(CollectivesBenchmark::median).toArray();
    }
  }

  private static Tensor zeros(long length) {
    return torch.full(new long[] {length}, new Scalar(0), new TensorOptions(ScalarType.Float));
  }

  private static void own(Operation operation, ProcessGroupGloo gloo, Tensor whole, Tensor part) {
    switch (operation) {
      case ALL_REDUCE -> gloo.allreduce(new TensorVector(whole))._wait();
      case REDUCE_SCATTER -> gloo._reduce_scatter_base(part, whole)._wait();
      case ALL_GATHER -> gloo._allgather_base(whole, part)._wait();
    }
  }

  private static void run(Operation operation, Communicator ranks, Tensor whole, Tensor part) {
    switch (operation) {
      case ALL_REDUCE -> ranks.allReduce(whole).await();
      case REDUCE_SCATTER -> ranks.reduceScatter(whole, part, false).await();
      case ALL_GATHER -> ranks.allGather(part, whole).await();
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
