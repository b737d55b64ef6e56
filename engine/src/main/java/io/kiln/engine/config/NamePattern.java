package io.kiln.engine.config;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * An expression for names of parameters.
 *
 * @param written as a person wrote it
 * @param expression found somewhere in the names that it matches
 */
public record NamePattern(String written, Pattern expression) {
  private static final int SHOWN = 3;

  /** A whole name in which {@code *} is anything and {@code ?} one character. */
  static NamePattern glob(String glob) {
    StringBuilder expression = new StringBuilder("^");
    for (char c : glob.toCharArray()) {
      switch (c) {
        case '*' -> expression.append(".*");
        case '?' -> expression.append('.');
        default -> expression.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return new NamePattern(glob, Pattern.compile(expression.append('$').toString()));
  }

  boolean matches(String name) {
    return expression.matcher(name).find();
  }

  boolean matchesAny(Collection<String> names) {
    return names.stream().anyMatch(this::matches);
  }

  /** Some names that are like it; the first ones where none is. */
  List<String> nearest(Collection<String> names) {
    // What is written is a part of a name: it is compared with their parts.
    Map<String, String> parts = new LinkedHashMap<>();
    for (String name : names) {
      String[] words = name.split("\\.");
      for (int from = 0; from < words.length; from++) {
        String part = "";
        for (int to = from; to < words.length; to++) {
          part += (to == from ? "" : ".") + words[to];
          parts.putIfAbsent(part, name);
        }
      }
    }
    String literal = written.replaceAll("[^A-Za-z0-9_.]", "").replaceAll("^\\.+|\\.+$", "");
    Optional<String> near =
        literal.isEmpty() ? Optional.empty() : NearestName.of(literal, parts.keySet());
    List<String> like =
        names.stream()
            .filter(name -> near.isPresent() && ("." + name + ".").contains("." + near.get() + "."))
            .limit(SHOWN)
            .toList();
    return like.isEmpty() ? names.stream().limit(SHOWN).toList() : like;
  }
}
