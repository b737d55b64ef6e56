package io.kiln.engine.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What stands before the bytes: eight bytes of length (little endian), then a JSON object of that
 * length (huggingface.co/docs/safetensors).
 *
 * @param entries by name, in the order of the header
 * @param metadata free text by key
 */
record SafetensorsHeader(Map<String, SafetensorsEntry> entries, Map<String, String> metadata) {
  static final int LENGTH_BYTES = 8;

  /** The reference implementation's limit. */
  static final long MOST_BYTES = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final int ALIGNMENT = 8;

  SafetensorsHeader {
    entries = new LinkedHashMap<>(entries);
    metadata = new LinkedHashMap<>(metadata);
  }

  /** Length and object, padded with spaces so that the data begins at a multiple of eight. */
  byte[] encoded() {
    ObjectNode json = new ObjectMapper().createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode texts = json.putObject(METADATA);
      metadata.forEach(texts::put);
    }
    for (SafetensorsEntry entry : entries.values()) {
      ObjectNode node = json.putObject(entry.name()).put("dtype", entry.dtype());
      ArrayNode shape = node.putArray("shape");
      entry.shape().forEach(shape::add);
      node.putArray("data_offsets").add(entry.begin()).add(entry.end());
    }
    byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
    int padded = (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    byte[] all = new byte[LENGTH_BYTES + padded];
    Arrays.fill(all, (byte) ' ');
    ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(text);
    return all;
  }

  /**
   * @param where the file, for errors
   * @param json the object's bytes
   * @param dataBytes how many bytes follow it
   */
  static SafetensorsHeader decode(Object where, byte[] json, long dataBytes)
      throws SafetensorsException {
    JsonNode root;
    try {
      root =
          new ObjectMapper()
              .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
              .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
              .readTree(json);
    } catch (JsonProcessingException e) {
      throw new SafetensorsException(
          where,
          "is not a safetensors file: its header is no JSON (" + e.getOriginalMessage() + ")",
          e);
    } catch (IOException e) {
      throw new SafetensorsException(where, "is not a safetensors file: " + e.getMessage(), e);
    }
    if (root == null || !root.isObject()) {
      throw new SafetensorsException(
          where, "is not a safetensors file: its header is no JSON object");
    }
    Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : root.properties()) {
      if (field.getKey().equals(METADATA)) {
        field.getValue().properties().forEach(t -> metadata.put(t.getKey(), t.getValue().asText()));
      } else {
        entries.put(field.getKey(), entry(where, field.getKey(), field.getValue()));
      }
    }
    check(where, entries, dataBytes);
    return new SafetensorsHeader(entries, metadata);
  }

  private static SafetensorsEntry entry(Object where, String name, JsonNode node)
      throws SafetensorsException {
    JsonNode offsets = node.path("data_offsets");
    List<Long> shape = new ArrayList<>();
    boolean whole =
        node.path("dtype").isTextual()
            && node.path("shape").isArray()
            && offsets.isArray()
            && offsets.size() == 2
            && offsets.get(0).canConvertToLong()
            && offsets.get(1).canConvertToLong();
    for (JsonNode size : node.path("shape")) {
      whole &= size.canConvertToLong() && size.longValue() >= 0;
      shape.add(size.longValue());
    }
    if (!whole) {
      throw new SafetensorsException(
          where, "the header's entry " + name + " lacks a dtype, shape or data_offsets");
    }
    return new SafetensorsEntry(
        name,
        node.get("dtype").textValue(),
        shape,
        offsets.get(0).longValue(),
        offsets.get(1).longValue());
  }

  private static void check(Object where, Map<String, SafetensorsEntry> entries, long dataBytes)
      throws SafetensorsException {
    List<SafetensorsEntry> inOrder = new ArrayList<>(entries.values());
    inOrder.sort(
        Comparator.comparingLong(SafetensorsEntry::begin).thenComparingLong(SafetensorsEntry::end));
    long expected = 0;
    for (SafetensorsEntry entry : inOrder) {
      if (entry.begin() != expected || entry.end() < entry.begin()) {
        throw new SafetensorsException(
            where,
            "the header puts "
                + entry.name()
                + " at bytes "
                + entry.begin()
                + " to "
                + entry.end()
                + ", expected to begin at "
                + expected);
      }
      expected = entry.end();
      long bytes;
      try {
        bytes = Math.multiplyExact(entry.elements(), entry.elementBytes().orElse(1));
      } catch (ArithmeticException e) {
        throw new SafetensorsException(
            where, "the header gives " + entry.name() + " the shape " + entry.shape(), e);
      }
      if (entry.elementBytes().isPresent() && bytes != entry.end() - entry.begin()) {
        throw new SafetensorsException(
            where,
            "the header gives "
                + entry.name()
                + " "
                + (entry.end() - entry.begin())
                + " bytes, but "
                + entry.dtype()
                + " of shape "
                + entry.shape()
                + " has "
                + bytes);
      }
    }
    if (expected != dataBytes) {
      throw new SafetensorsException(
          where,
          (expected > dataBytes ? "is truncated" : "has something behind its tensors")
              + ": the header promises "
              + expected
              + " bytes of tensors, the file has "
              + dataBytes);
    }
  }
}
