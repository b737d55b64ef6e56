package io.kiln.engine.comm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * A rank in a process of its own. Says {@code joined} and the first sum, then all-reduces until
 * that fails, and says why.
 */
final class RankProgram {
  private static final int LENGTH = 3_000_000;

  private RankProgram() {}

  /** Arguments: rank, size, store, transport, directory of the shared file, own host. */
  public static void main(String[] arguments) {
    int rank = Integer.parseInt(arguments[0]);
    int size = Integer.parseInt(arguments[1]);
    Membership membership =
        new Membership(
            rank, size, arguments[5], arguments[2], "processes/0", Duration.ofSeconds(60));
    try (Communicator c =
        Rendezvous.join(
            membership, Transport.valueOf(arguments[3]), List.of(Path.of(arguments[4])))) {
      System.out.println("joined " + c.getClass().getSimpleName());
      Tensor tensor = PlainValues.tensor(new float[LENGTH]);
      for (int i = 0; ; i++) {
        tensor.fill_(new org.bytedeco.pytorch.Scalar(rank + 1));
        c.allReduce(tensor).await();
        if (i == 0) {
          System.out.println("sum " + tensor.data_ptr_float().get(LENGTH - 1));
        }
      }
    } catch (CommunicationException e) {
      System.out.println("ended " + e.getMessage());
    }
  }

  /** Starts it, with this test's class path. */
  static Process start(
      int rank, int size, String store, Transport transport, Path directory, String host)
      throws IOException {
    return java(
        List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        RankProgram.class,
        String.valueOf(rank),
        String.valueOf(size),
        store,
        transport.name(),
        directory.toString(),
        host);
  }

  /** Starts a program of the tests. */
  static Process java(List<String> options, Class<?> program, String... arguments)
      throws IOException {
    String classPath = System.getProperty("surefire.test.class.path");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-Dorg.bytedeco.javacpp.maxphysicalbytes=0");
    command.add("-cp");
    command.add(classPath != null ? classPath : System.getProperty("java.class.path"));
    command.add(program.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
  }

  static BufferedReader output(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }
}
