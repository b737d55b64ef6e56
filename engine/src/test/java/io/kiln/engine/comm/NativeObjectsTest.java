package io.kiln.engine.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class NativeObjectsTest {
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void neither_collectives_nor_failures_leave_a_native_object_behind() throws Exception {
    List<String> noCollector =
        List.of("-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx2g");
    Process program = RankProgram.java(noCollector, NativeObjectsProgram.class);
    try (BufferedReader output = RankProgram.output(program)) {
      List<String> counts = output.lines().filter(line -> line.startsWith("count ")).toList();
      assertEquals(
          List.of(
              "count shared memory 1: 0 left",
              "count shared memory 1 closed: 0 left",
              "count shared memory 2: 0 left",
              "count shared memory 2 closed: 0 left",
              "count shared memory 3: 0 left",
              "count shared memory 3 closed: 0 left",
              "count sockets 2: 0 left",
              "count sockets 2 closed: 0 left",
              "count sockets 3: 0 left",
              "count sockets 3 closed: 0 left",
              "count hosts aab: 0 left",
              "count hosts aab closed: 0 left",
              "count hosts aba: 0 left",
              "count hosts aba closed: 0 left",
              "count hosts aabb: 0 left",
              "count hosts aabb closed: 0 left",
              "count failure in SHARED_MEMORY: 0 left",
              "count failure in SOCKETS: 0 left",
              "count failure on hosts aab: 0 left",
              "count failure on hosts aba: 0 left"),
          counts);
    } finally {
      program.destroyForcibly();
    }
  }
}
