package io.kiln.spark.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionFindingsTest {
  @Test
  void a_choice_is_shown_with_both_times_and_its_reason() {
    List<Finding> findings =
        AttentionFindings.of(
            "noise\n"
                + "attention=fp32 chosen=FUSED fused=24.0 spelled_out=26.0 other=slower reason=r1\n"
                + "attention=bf16 chosen=SPELLED_OUT fused=271.0 spelled_out=12.0 other=slower"
                + " reason=r2 and more\n");
    assertEquals(2, findings.size());
    String line = findings.get(1).line();
    assertTrue(
        line.contains("bf16 on the processor: spelled out at 12.0 ms, fused at 271.0"), line);
    assertTrue(line.endsWith("because r2 and more"), line);
    assertTrue(findings.get(0).line().contains("fused at 24.0 ms, spelled out at 26.0"), line);
    assertFalse(line.contains("<-"), line);
  }

  @Test
  void a_machine_on_which_the_other_is_faster_is_told() {
    String line =
        AttentionFindings.of(
                "attention=fp32 chosen=FUSED fused=30.0 spelled_out=20.0 other=faster reason=r\n")
            .get(0)
            .line();
    assertTrue(line.contains("<- not so on this machine: spelled out is 1.5x as fast"), line);
  }

  @Test
  void a_probe_that_says_nothing_is_told() {
    assertTrue(AttentionFindings.of("").get(0).line().contains("cannot be timed"));
  }
}
