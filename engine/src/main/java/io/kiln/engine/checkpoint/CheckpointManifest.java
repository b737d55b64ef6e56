package io.kiln.engine.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What makes the files of a checkpoint one whole: JSON that a person can read, with the length and
 * the checksums of every file, and its own checksum in its last line.
 *
 * @param step after which it was taken
 * @param content what the writer says of it: state, configuration, model; by its own keys
 * @param shards its files
 */
public record CheckpointManifest(long step, ObjectNode content, List<StoredShard> shards) {
  /** Its name in the checkpoint's folder. */
  public static final String FILE = "manifest.json";

  /** The newest format that this version reads; the one it writes. */
  public static final int FORMAT_VERSION = 1;

  private static final String FORMAT = "kiln-checkpoint";
  private static final String SEAL_BEGIN = ",\n  \"manifest_crc32c\" : \"";
  private static final String SEAL_END = "\"\n}\n";
  private static final int SEAL_BYTES = SEAL_BEGIN.length() + 8 + SEAL_END.length();
  private static final List<String> OWN_KEYS =
      List.of("format", "format_version", "step", "checksum_bytes", "shards", "manifest_crc32c");
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .build();

  public CheckpointManifest {
    shards = List.copyOf(shards);
  }

  /** The file's content. */
  public byte[] toBytes() {
    ObjectNode json = JSON.createObjectNode();
    json.put("format", FORMAT);
    json.put("format_version", FORMAT_VERSION);
    json.put("step", step);
    json.setAll(content);
    json.put("checksum_bytes", Checksums.CHUNK_BYTES);
    ArrayNode files = json.putArray("shards");
    for (StoredShard shard : shards) {
      ObjectNode file = files.addObject().put("file", shard.file()).put("length", shard.length());
      ArrayNode checksums = file.putArray("crc32c");
      shard.checksums().forEach(checksum -> checksums.add(Checksums.text(checksum)));
    }
    // The object's closing brace makes room for the seal.
    String text = json.toPrettyString().replace("\r\n", "\n");
    byte[] open = text.substring(0, text.length() - 2).getBytes(StandardCharsets.UTF_8);
    byte[] seal = seal(open);
    byte[] all = Arrays.copyOf(open, open.length + seal.length);
    System.arraycopy(seal, 0, all, open.length, seal.length);
    return all;
  }

  private static byte[] seal(byte[] open) {
    String checksum = Checksums.text(Checksums.of(open, 0, open.length));
    return (SEAL_BEGIN + checksum + SEAL_END).getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Reads a file's content.
   *
   * @param where the file, for errors
   * @throws NewerFormatException if a newer Kiln has written it
   * @throws CheckpointException if it is damaged or foreign
   */
  public static CheckpointManifest parse(String where, byte[] bytes) throws CheckpointException {
    int cut = Math.max(0, bytes.length - SEAL_BYTES);
    byte[] seal = Arrays.copyOfRange(bytes, cut, bytes.length);
    boolean sealed = cut > 0 && Arrays.equals(seal(Arrays.copyOf(bytes, cut)), seal);
    JsonNode json;
    try {
      json = JSON.readTree(bytes);
    } catch (JsonProcessingException malformed) {
      throw new CheckpointException(
          where, "is damaged or no manifest: " + malformed.getOriginalMessage(), malformed);
    } catch (IOException impossible) {
      throw new CheckpointException(where, "cannot be read: " + impossible.getMessage());
    }
    if (!json.path("format").asText().equals(FORMAT)) {
      throw new CheckpointException(where, "is not the manifest of a Kiln checkpoint");
    }
    // A newer format may seal itself differently; one that seals itself so has to fit, or it is the
    // version that is damaged.
    boolean otherSeal = !new String(seal, StandardCharsets.ISO_8859_1).startsWith(SEAL_BEGIN);
    int version = json.path("format_version").asInt();
    if (version > FORMAT_VERSION && (sealed || otherSeal)) {
      throw new NewerFormatException(where, version);
    }
    if (!sealed) {
      throw new CheckpointException(where, "is damaged: its own checksum does not fit");
    }
    return of(where, (ObjectNode) json);
  }

  private static CheckpointManifest of(String where, ObjectNode json) throws CheckpointException {
    int chunk = json.path("checksum_bytes").asInt();
    if (chunk != Checksums.CHUNK_BYTES) {
      throw new CheckpointException(where, "has checksums of " + chunk + " bytes each");
    }
    try {
      List<StoredShard> shards = new ArrayList<>();
      for (JsonNode file : json.path("shards")) {
        List<Integer> checksums = new ArrayList<>();
        file.path("crc32c")
            .forEach(text -> checksums.add(Integer.parseUnsignedInt(text.asText(), 16)));
        shards.add(
            new StoredShard(file.path("file").asText(), file.path("length").asLong(), checksums));
      }
      ObjectNode content = json.deepCopy();
      content.remove(OWN_KEYS);
      return new CheckpointManifest(json.path("step").asLong(), content, shards);
    } catch (IllegalArgumentException wrong) {
      throw new CheckpointException(where, "cannot be used: " + wrong.getMessage(), wrong);
    }
  }

  /** Bytes of all its files but the manifest. */
  public long bytes() {
    return shards.stream().mapToLong(StoredShard::length).sum();
  }
}
