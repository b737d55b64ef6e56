package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ForeignCommandTest {
  private static double run(String command) throws Exception {
    return new ForeignCommand(command, Duration.ofSeconds(30)).millisAStep();
  }

  @Test
  void the_last_number_counts() throws Exception {
    assertEquals(12.5, run("echo warming up 100; echo 'step: 12.5 ms'"));
    assertEquals(250, run("echo 2.5e2 >&2"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "echo 7; echo no such data; exit 3 | the command ended with status 3: no such data",
        "exit 3 | the command ended with status 3",
        "echo done | the command printed no number",
      })
  void what_goes_wrong_is_told_as_it_is(String command, String line) {
    Exception failed = assertThrows(IllegalStateException.class, () -> run(command));
    assertEquals("--against: " + line, failed.getMessage());
  }

  @Test
  void it_does_not_run_for_ever() {
    ForeignCommand sleeper = new ForeignCommand("sleep 600 & wait", Duration.ofMillis(100));
    assertThrows(IllegalStateException.class, sleeper::millisAStep);
  }
}
