package io.kiln.spark.doctor;

import io.kiln.engine.model.AttentionBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What {@link AttentionProbe} found, a finding a dtype. */
final class AttentionFindings {
  private static final Pattern LINE =
      Pattern.compile(
          "attention=(\\S+) chosen=(\\S+) fused=([\\d.]+) spelled_out=([\\d.]+) other=(\\S+)"
              + " reason=(.*)");

  private AttentionFindings() {}

  /**
   * @param said the probe's output
   */
  static List<Finding> of(String said) {
    List<Finding> all = new ArrayList<>();
    LINE.matcher(said).results().map(AttentionFindings::finding).forEach(all::add);
    return all.isEmpty()
        ? List.of(Finding.costly("attention", "cannot be timed", "nothing is known of its choice"))
        : all;
  }

  private static Finding finding(MatchResult line) {
    boolean fused = AttentionBackend.valueOf(line.group(2)) == AttentionBackend.FUSED;
    double chosen = Double.parseDouble(line.group(fused ? 3 : 4));
    double other = Double.parseDouble(line.group(fused ? 4 : 3));
    String found =
        String.format(
            Locale.ROOT,
            "%s on the processor: %s at %.1f ms, %s at %.1f (%s, one core, with backward); chosen"
                + " because %s",
            line.group(1),
            name(fused),
            chosen,
            name(!fused),
            other,
            AttentionProbe.SHAPE,
            line.group(6));
    return line.group(5).equals("faster")
        ? Finding.costly(
            "attention",
            found,
            String.format(
                Locale.ROOT,
                "not so on this machine: %s is %.1fx as fast, please report this line",
                name(!fused),
                chosen / other))
        : Finding.good("attention", found);
  }

  private static String name(boolean fused) {
    return fused ? "fused" : "spelled out";
  }
}
