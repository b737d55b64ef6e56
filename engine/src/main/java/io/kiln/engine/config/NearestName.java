package io.kiln.engine.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** The known name that somebody who mistyped most likely meant. */
public final class NearestName {
  private NearestName() {}

  /**
   * The name fewest edits away (insertions, deletions, replacements, swaps of neighbours; case does
   * not count), or one that contains it or is contained in it; nothing where none is near.
   */
  public static Optional<String> of(String typed, Collection<String> known) {
    String wanted = typed.toLowerCase(Locale.ROOT);
    Optional<String> nearest =
        known.stream()
            .min(
                Comparator.<String>comparingInt(k -> edits(wanted, k.toLowerCase(Locale.ROOT)))
                    .thenComparing(Comparator.naturalOrder()));
    if (nearest.isPresent()
        && edits(wanted, nearest.get().toLowerCase(Locale.ROOT)) <= Math.max(2, wanted.length() / 3)
        && edits(wanted, nearest.get().toLowerCase(Locale.ROOT)) < wanted.length()) {
      return nearest;
    }
    return known.stream()
        .filter(k -> k.length() >= 4 && wanted.length() >= 4)
        .filter(
            k ->
                k.toLowerCase(Locale.ROOT).contains(wanted)
                    || wanted.contains(k.toLowerCase(Locale.ROOT)))
        .min(Comparator.comparingInt((String k) -> Math.abs(k.length() - wanted.length())));
  }

  /** Optimal string alignment distance. */
  private static int edits(String a, String b) {
    int[] beforeLast = new int[b.length() + 1];
    int[] last = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = last[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, 1 + Math.min(last[j], row[j - 1]));
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
        }
      }
      beforeLast = last;
      last = row;
    }
    return last[b.length()];
  }
}
