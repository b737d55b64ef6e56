package io.kiln.engine.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.tensor.Dtype;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
  @TempDir Path folder;

  private static float[] floats(Tensor tensor) {
    Tensor values = tensor.to(ScalarType.Float).contiguous();
    float[] all = new float[(int) values.numel()];
    new FloatPointer(values.data_ptr()).get(all);
    return all;
  }

  private static byte[] written() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PointerScope scope = new PointerScope();
        SafetensorsWriter writer =
            new SafetensorsWriter(
                bytes,
                List.of(
                    new SafetensorsWriter.Declared("a", Dtype.FP32, List.of(2L, 3L)),
                    new SafetensorsWriter.Declared("b.half", Dtype.BF16, List.of(2L))),
                Map.of("kiln", "test"))) {
      // A transposed view: what is written is what the view shows.
      writer.write("a", Tensor.create(new float[] {1, 4, 2, 5, 3, 6}, 3, 2).t());
      writer.write("b.half", Tensor.create(new float[] {0.5f, -2}, 2));
    }
    return bytes.toByteArray();
  }

  private Path file(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model.safetensors"), bytes);
  }

  private static byte[] file(String header, int dataBytes) {
    byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + json.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }

  @Test
  void the_bytes_are_those_of_the_format() throws IOException {
    byte[] bytes = written();
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int headerBytes = (int) buffer.getLong(0);
    assertEquals(0, (8 + headerBytes) % 8);
    JsonNode header = new ObjectMapper().readTree(bytes, 8, headerBytes);
    assertEquals("pt", header.at("/__metadata__/format").asText());
    assertEquals("test", header.at("/__metadata__/kiln").asText());
    assertEquals("F32", header.at("/a/dtype").asText());
    assertEquals("[2,3]", header.at("/a/shape").toString());
    assertEquals("[0,24]", header.at("/a/data_offsets").toString());
    assertEquals("BF16", header.path("b.half").path("dtype").asText());
    assertEquals("[24,28]", header.path("b.half").path("data_offsets").toString());
    int data = 8 + headerBytes;
    for (int i = 0; i < 6; i++) {
      assertEquals(i + 1, buffer.getFloat(data + 4 * i));
    }
    assertEquals(0x3F00, buffer.getShort(data + 24) & 0xFFFF);
    assertEquals(0xC000, buffer.getShort(data + 26) & 0xFFFF);
    assertEquals(data + 28, bytes.length);
  }

  @Test
  void what_was_written_is_read() throws IOException {
    try (PointerScope scope = new PointerScope();
        SafetensorsFile file = SafetensorsFile.open(file(written()))) {
      assertEquals(List.of("a", "b.half"), List.copyOf(file.names()));
      Tensor plain = torch.empty(2, 3);
      file.read("a", plain);
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, floats(plain));
      Tensor transposed = torch.empty(3, 2);
      file.read("a", transposed.t());
      assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, floats(transposed));
      Tensor widened = torch.empty(2);
      file.read("b.half", widened);
      assertArrayEquals(new float[] {0.5f, -2}, floats(widened));
      Tensor narrowed = torch.empty(2, 3).to(ScalarType.BFloat16);
      file.read("a", narrowed);
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, floats(narrowed));
    }
  }

  @Test
  void a_missing_name_and_another_shape_are_one_line() throws IOException {
    try (PointerScope scope = new PointerScope();
        SafetensorsFile file = SafetensorsFile.open(file(written()))) {
      assertEquals(
          folder.resolve("model.safetensors") + ": has no tensor c",
          assertThrows(SafetensorsException.class, () -> file.read("c", torch.empty(1)))
              .getMessage());
      assertTrue(
          assertThrows(SafetensorsException.class, () -> file.read("a", torch.empty(3, 2)))
              .getMessage()
              .endsWith("a has the shape [2, 3], expected [3, 2]"));
    }
  }

  @Test
  void a_file_cut_anywhere_is_refused() throws IOException {
    byte[] whole = written();
    for (int length : new int[] {0, 5, 8, 20, whole.length - 28, whole.length - 1}) {
      Path cut = file(Arrays.copyOf(whole, length));
      String message =
          assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(cut)).getMessage();
      assertTrue(message.startsWith(cut + ": is "), message);
      assertEquals(1, message.lines().count());
    }
    Path longer = file(Arrays.copyOf(whole, whole.length + 3));
    assertTrue(
        assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(longer))
            .getMessage()
            .contains("has something behind its tensors"));
  }

  @Test
  void foreign_and_lying_files_are_refused() throws IOException {
    Map<byte[], String> cases =
        Map.of(
            "PK\3\4 this is a zip archive".getBytes(StandardCharsets.ISO_8859_1),
            "is not a safetensors file",
            "version https://git-lfs.github.com/spec/v1\noid sha256:1"
                .getBytes(StandardCharsets.US_ASCII),
            "is a git-lfs pointer",
            file("[1,2]", 0),
            "is not a safetensors file: its header is no JSON object",
            file("{'a':{'dtype':'F32','shape':[1]}}", 4),
            "the header's entry a lacks a dtype, shape or data_offsets",
            file("{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}", 4),
            "the header gives a 4 bytes, but F32 of shape [2] has 8",
            file("{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}", 8),
            "the header puts a at bytes 4 to 8, expected to begin at 0",
            file(
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}, 'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}",
                4),
            "is not a safetensors file: its header is no JSON (Duplicate field 'a'",
            file("{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,4]}}", 4),
            "the header gives a the shape");
    for (Map.Entry<byte[], String> one : cases.entrySet()) {
      Path path = file(one.getKey());
      String message =
          assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(path)).getMessage();
      assertTrue(message.contains(one.getValue()), message);
    }
  }

  @Test
  void tensors_of_other_dtypes_are_listed_but_not_read_as_parameters() throws IOException {
    Path path = file(file("{'m':{'dtype':'BOOL','shape':[3],'data_offsets':[0,3]}}", 3));
    try (PointerScope scope = new PointerScope();
        SafetensorsFile file = SafetensorsFile.open(path)) {
      assertEquals(List.of(3L), file.entry("m").orElseThrow().shape());
      assertTrue(
          assertThrows(SafetensorsException.class, () -> file.read("m", torch.empty(3)))
              .getMessage()
              .contains("m is of dtype BOOL"));
    }
  }

  @Test
  void a_writer_holds_its_caller_to_what_was_declared() throws IOException {
    SafetensorsWriter writer =
        new SafetensorsWriter(
            new ByteArrayOutputStream(),
            List.of(new SafetensorsWriter.Declared("a", Dtype.FP32, List.of(2L))),
            Map.of());
    try (PointerScope scope = new PointerScope()) {
      assertThrows(IllegalStateException.class, () -> writer.write("b", torch.empty(2)));
      assertThrows(IllegalArgumentException.class, () -> writer.write("a", torch.empty(3)));
    }
    assertThrows(IllegalStateException.class, writer::close);
  }

  @Test
  void a_large_value_in_another_order_and_dtype_is_written_as_it_is_seen() throws IOException {
    int rows = 700;
    int columns = 900;
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 251 - 125; // Whole numbers up to 256 are exact in bf16.
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PointerScope scope = new PointerScope();
        SafetensorsWriter writer =
            new SafetensorsWriter(
                bytes,
                List.of(
                    new SafetensorsWriter.Declared("fp32", Dtype.FP32, List.of(900L, 700L)),
                    new SafetensorsWriter.Declared("bf16", Dtype.BF16, List.of(900L, 700L))),
                Map.of())) {
      Tensor seen = Tensor.create(values, rows, columns).t();
      writer.write("fp32", seen);
      writer.write("bf16", seen);
    }
    try (PointerScope scope = new PointerScope();
        SafetensorsFile file = SafetensorsFile.open(file(bytes.toByteArray()))) {
      for (String name : List.of("fp32", "bf16")) {
        Tensor read =
            torch.empty(new long[] {columns, rows}, new TensorOptions(ScalarType.Float), null);
        file.read(name, read);
        float[] found = floats(read);
        for (int row = 0; row < columns; row++) {
          for (int column = 0; column < rows; column++) {
            assertEquals(values[column * columns + row], found[row * rows + column], name);
          }
        }
      }
    }
  }
}
