package io.kiln.engine.config;

import java.util.Collection;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What holds for the parameters whose names match.
 *
 * @param where its path in the configuration
 * @param names expressions found somewhere in the name
 * @param learningRateFactor the schedule's rate is multiplied by it
 * @param weightDecay the optimizer's where empty
 */
public record GroupRule(
    String where, List<NamePattern> names, double learningRateFactor, OptionalDouble weightDecay) {
  public GroupRule {
    names = List.copyOf(names);
  }

  /** Whether it holds for the parameter of that (Hugging Face) name. */
  public boolean matches(String name) {
    return names.stream().anyMatch(n -> n.matches(name));
  }

  /**
   * Holds it against the names that there are.
   *
   * @return a line for each expression that matches none beside one that does, as a configuration
   *     for several models has
   * @throws ConfigException if none of its expressions matches any
   */
  List<String> requireMatch(Collection<String> all) {
    List<NamePattern> idle = names.stream().filter(n -> !n.matchesAny(all)).toList();
    List<String> lines =
        idle.stream()
            .map(
                n ->
                    "\""
                        + n.written()
                        + "\" matches no parameter of the model, which has "
                        + String.join(", ", n.nearest(all)))
            .toList();
    if (idle.size() == names.size()) {
      throw new ConfigException(where, lines.get(0) + ", …: mend the name or remove the group");
    }
    return lines.stream().map(line -> where + ": " + line + ", …").toList();
  }
}
