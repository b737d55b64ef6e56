package io.kiln.engine.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * A JSON object that is read key by key and then asked whether anything was left unread.
 *
 * <p>Every getter makes its key known. {@link #finish()} refuses keys that no getter asked for,
 * here and in every section opened from here, with the nearest known one. A JSON null counts as
 * absent. Numbers may be written as strings ({@code "5e-4"}), integers in scientific notation
 * ({@code 5e8}). Errors are {@link ConfigException}s that name the path.
 */
public final class JsonSection {
  private static final int LONGEST_LIST = 200;

  private final String path;
  private final JsonNode node;
  private final boolean autoIsAbsent;
  private final TreeSet<String> known;
  private final Map<String, JsonSection> opened;

  private JsonSection(String path, JsonNode node) {
    this(path, node, false, new TreeSet<>(), new LinkedHashMap<>());
  }

  private JsonSection(
      String path,
      JsonNode node,
      boolean autoIsAbsent,
      TreeSet<String> known,
      Map<String, JsonSection> opened) {
    this.path = path;
    this.node = node;
    this.autoIsAbsent = autoIsAbsent;
    this.known = known;
    this.opened = opened;
  }

  /**
   * @param path what the object is called in errors, such as {@code deepspeed}; may be empty
   * @throws ConfigException if it is no JSON object
   */
  public static JsonSection of(String path, JsonNode json) {
    if (json == null || !json.isObject()) {
      throw new ConfigException(path, "must be a JSON object, not " + describe(json));
    }
    return new JsonSection(path, json);
  }

  /**
   * The same object, in which {@code "auto"} counts as absent (but {@link #isAuto} still sees it).
   */
  public JsonSection autoAsAbsent() {
    return new JsonSection(path, node, true, known, opened);
  }

  /** Where this object stands, such as {@code deepspeed.optimizer}. */
  public String path() {
    return path;
  }

  /** Path of one of its keys. */
  public String pathOf(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  /** Whether the key is there and not null. */
  public boolean has(String key) {
    return raw(key).isPresent();
  }

  /** The value as it is; whoever takes it checks it. */
  public Optional<JsonNode> raw(String key) {
    known.add(key);
    JsonNode value = node.get(key);
    boolean absent = value == null || value.isNull() || (autoIsAbsent && isAuto(value));
    return absent ? Optional.empty() : Optional.of(value);
  }

  private static boolean isAuto(JsonNode value) {
    return value.isTextual() && value.textValue().equals("auto");
  }

  /** Whether the value is the string {@code "auto"}. */
  public boolean isAuto(String key) {
    known.add(key);
    return node.has(key) && isAuto(node.get(key));
  }

  /** A string. */
  public Optional<String> text(String key) {
    return raw(key)
        .map(
            v -> {
              if (!v.isTextual()) {
                throw error(key, "must be a string, not " + describe(v));
              }
              return v.textValue();
            });
  }

  /** A string; {@code otherwise} where the key is absent. */
  public String text(String key, String otherwise) {
    return text(key).orElse(otherwise);
  }

  /** A string that has to be there. */
  public String requiredText(String key) {
    return text(key).orElseThrow(() -> missing(key));
  }

  /** True or false. */
  public Optional<Boolean> flag(String key) {
    return raw(key)
        .map(
            v -> {
              if (!v.isBoolean()) {
                throw error(key, "must be true or false, not " + describe(v));
              }
              return v.booleanValue();
            });
  }

  /** True or false; {@code otherwise} where the key is absent. */
  public boolean flag(String key, boolean otherwise) {
    return flag(key).orElse(otherwise);
  }

  /** A finite number. */
  public OptionalDouble number(String key) {
    Optional<JsonNode> value = raw(key);
    return value.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(toDouble(key, value.get()));
  }

  /** A finite number; {@code otherwise} where the key is absent. */
  public double number(String key, double otherwise) {
    return number(key).orElse(otherwise);
  }

  /** A finite number that has to be there. */
  public double requiredNumber(String key) {
    return number(key).orElseThrow(() -> missing(key));
  }

  /** A number of at least {@code least}. */
  public double numberFrom(double least, String key, double otherwise) {
    double value = number(key, otherwise);
    if (!(value >= least)) {
      throw error(key, "must be at least " + plain(least) + ", not " + plain(value));
    }
    return value;
  }

  /** A whole number, also written as 5e8 or 16.0. */
  public OptionalLong whole(String key) {
    Optional<JsonNode> value = raw(key);
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    if (value.get().isIntegralNumber() && value.get().canConvertToLong()) {
      return OptionalLong.of(value.get().longValue());
    }
    double number = toDouble(key, value.get());
    if (number != Math.rint(number) || Math.abs(number) > 9.2e18) {
      throw error(key, "must be a whole number, not " + describe(value.get()));
    }
    return OptionalLong.of((long) number);
  }

  /** A whole number; {@code otherwise} where the key is absent. */
  public long whole(String key, long otherwise) {
    return whole(key).orElse(otherwise);
  }

  /** A whole number that has to be there. */
  public long requiredWhole(String key) {
    return whole(key).orElseThrow(() -> missing(key));
  }

  /** A whole number of at least {@code least}. */
  public long wholeFrom(long least, String key, long otherwise) {
    long value = whole(key, otherwise);
    if (value < least) {
      throw error(key, "must be at least " + least + ", not " + value);
    }
    return value;
  }

  /** A whole number that fits an {@code int}, of at least {@code least}. */
  public int integerFrom(int least, String key, int otherwise) {
    long value = wholeFrom(least, key, otherwise);
    if (value > Integer.MAX_VALUE) {
      throw error(key, "must be at most " + Integer.MAX_VALUE + ", not " + value);
    }
    return (int) value;
  }

  /** One of the given names (their case does not count), with what it stands for. */
  public <T> Optional<T> choice(String key, Map<String, T> choices) {
    return text(key)
        .map(
            given -> {
              for (Map.Entry<String, T> choice : choices.entrySet()) {
                if (choice.getKey().equalsIgnoreCase(given)) {
                  return choice.getValue();
                }
              }
              String mend =
                  NearestName.of(given, choices.keySet())
                      .map(n -> "did you mean \"" + n + "\"?")
                      .orElse("use one of " + String.join(", ", choices.keySet()));
              throw error(key, "there is no \"" + given + "\": " + mend);
            });
  }

  /** A constant of the enum, written as its name in any case. */
  public <E extends Enum<E>> E choice(String key, E otherwise) {
    Map<String, E> choices = new LinkedHashMap<>();
    for (E constant : otherwise.getDeclaringClass().getEnumConstants()) {
      choices.put(constant.name().toLowerCase(Locale.ROOT), constant);
    }
    return choice(key, choices).orElse(otherwise);
  }

  /** Strings of an array; a single string counts as an array of one. */
  public List<String> texts(String key) {
    return list(
        key,
        v -> {
          if (!v.isTextual()) {
            throw error(key, "must be a string or an array of strings, not " + describe(v));
          }
          return v.textValue();
        });
  }

  /** Numbers of an array; a single number counts as an array of one. */
  public List<Double> numbers(String key) {
    return list(key, v -> toDouble(key, v));
  }

  private <T> List<T> list(String key, Function<JsonNode, T> element) {
    Optional<JsonNode> value = raw(key);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isArray()) {
      return List.of(element.apply(value.get()));
    }
    List<T> all = new ArrayList<>();
    value.get().forEach(v -> all.add(element.apply(v)));
    return List.copyOf(all);
  }

  /** The object under that key. */
  public Optional<JsonSection> section(String key) {
    return raw(key).map(v -> open(pathOf(key), v));
  }

  /** The object under that key; an empty one where there is none. */
  public JsonSection sectionOrEmpty(String key) {
    return section(key)
        .orElseGet(() -> new JsonSection(pathOf(key), JsonNodeFactory.instance.objectNode()));
  }

  /** The object under that key, which has to be there. */
  public JsonSection requiredSection(String key) {
    return section(key).orElseThrow(() -> missing(key));
  }

  /** The objects of an array. */
  public List<JsonSection> sections(String key) {
    Optional<JsonNode> value = raw(key);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isArray()) {
      throw error(key, "must be an array of objects, not " + describe(value.get()));
    }
    List<JsonSection> all = new ArrayList<>();
    for (JsonNode element : value.get()) {
      all.add(open(pathOf(key) + "[" + all.size() + "]", element));
    }
    return all;
  }

  private JsonSection open(String where, JsonNode json) {
    return opened.computeIfAbsent(where, w -> of(w, json));
  }

  /**
   * Says that reading is over.
   *
   * @throws ConfigException if a key here or in an opened section was never asked for
   */
  public void finish() {
    for (Iterator<String> keys = node.fieldNames(); keys.hasNext(); ) {
      String key = keys.next();
      if (!known.contains(key)) {
        String mend =
            NearestName.of(key, known)
                .map(n -> "did you mean \"" + n + "\"?")
                .orElseGet(this::known);
        throw new ConfigException(path, "unknown key \"" + key + "\": " + mend);
      }
    }
    opened.values().forEach(JsonSection::finish);
  }

  /** The mend where no known key is near: the known ones, as far as a person wants to read them. */
  private String known() {
    if (known.isEmpty()) {
      return "remove it";
    }
    String list = String.join(", ", known);
    return list.length() <= LONGEST_LIST
        ? "known here are " + list
        : "remove it (docs/jobs.md lists the known ones)";
  }

  /** An error about the value under that key. */
  public ConfigException error(String key, String what) {
    return new ConfigException(pathOf(key), what);
  }

  private ConfigException missing(String key) {
    return new ConfigException(path, "needs the key \"" + key + "\"");
  }

  private double toDouble(String key, JsonNode value) {
    double number = Double.NaN;
    if (value.isNumber()) {
      number = value.doubleValue();
    } else if (value.isTextual()) {
      try {
        number = Double.parseDouble(value.textValue().strip());
      } catch (NumberFormatException e) {
        throw error(key, "must be a number, not " + describe(value));
      }
    }
    if (!Double.isFinite(number)) {
      throw error(key, "must be a number, not " + describe(value));
    }
    return number;
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static String describe(JsonNode value) {
    if (value == null || value.isNull() || value.isMissingNode()) {
      return "null";
    }
    if (value.isObject()) {
      return "an object";
    }
    if (value.isArray()) {
      return "an array";
    }
    return value.toString();
  }
}
