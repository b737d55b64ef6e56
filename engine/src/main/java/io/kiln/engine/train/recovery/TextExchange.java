package io.kiln.engine.train.recovery;

import io.kiln.engine.comm.Communicator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Tells every rank what every rank has to say. */
final class TextExchange {
  private static final int LONGEST = 500;

  private TextExchange() {}

  /**
   * All ranks call it together.
   *
   * @param own cut where it is longer than a line should be
   * @return in rank order
   */
  static List<String> gather(Communicator communicator, String own) {
    String said = own.substring(0, Math.min(LONGEST, own.length()));
    int ranks = communicator.size();
    double[] lengths = new double[ranks];
    lengths[communicator.rank()] = said.length();
    lengths = communicator.sum(lengths);

    int[] begins = new int[ranks + 1];
    for (int rank = 0; rank < ranks; rank++) {
      begins[rank + 1] = begins[rank] + (int) lengths[rank];
    }
    double[] characters = new double[begins[ranks]];
    for (int i = 0; i < said.length(); i++) {
      characters[begins[communicator.rank()] + i] = said.charAt(i);
    }
    characters = communicator.sum(characters);

    List<String> all = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      StringBuilder text = new StringBuilder();
      Arrays.stream(characters, begins[rank], begins[rank + 1])
          .forEach(character -> text.append((char) character));
      all.add(text.toString());
    }
    return all;
  }

  /** What went wrong, as the first rank that knows says it. All ranks call it together. */
  static String reason(Communicator communicator, Optional<? extends Exception> own) {
    return gather(communicator, own.map(TextExchange::said).orElse("")).stream()
        .filter(line -> !line.isEmpty())
        .findFirst()
        .orElse("it did not say why");
  }

  private static String said(Exception failure) {
    String message = failure.getMessage();
    return message == null || message.isBlank()
        ? failure.getClass().getSimpleName()
        : message.strip().lines().findFirst().orElseThrow();
  }
}
