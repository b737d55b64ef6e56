package io.kiln.engine.config;

import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * What holds for the parameters whose names match.
 *
 * @param names expressions found somewhere in the name
 * @param learningRateFactor the schedule's rate is multiplied by it
 * @param weightDecay the optimizer's where empty
 */
public record GroupRule(
    List<Pattern> names, double learningRateFactor, OptionalDouble weightDecay) {
  public GroupRule {
    names = List.copyOf(names);
  }

  /** Whether it holds for the parameter of that (Hugging Face) name. */
  public boolean matches(String name) {
    return names.stream().anyMatch(p -> p.matcher(name).find());
  }

  /** The expression for a whole name in which {@code *} is anything and {@code ?} one character. */
  static Pattern glob(String glob) {
    StringBuilder expression = new StringBuilder("^");
    for (char c : glob.toCharArray()) {
      switch (c) {
        case '*' -> expression.append(".*");
        case '?' -> expression.append('.');
        default -> expression.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(expression.append('$').toString());
  }
}
