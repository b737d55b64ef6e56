package io.kiln.engine.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same file and the same checksums, whatever kind of stream a store gives. */
class ShardWriterTest {
  @TempDir Path folder;

  /** Lengths that end in the middle of a piece, at its end, and behind a chunk's. */
  private static final List<Long> LENGTHS = List.of(7L, 65_536L, 1L, 2_500_003L, 131_072L);

  /** Takes bytes of the heap only. */
  private static class Plain extends OutputStream {
    final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public void write(int single) {
      bytes.write(single);
    }

    @Override
    public void write(byte[] more, int offset, int length) {
      bytes.write(more, offset, length);
    }
  }

  /** Takes native memory, a little at a time. */
  private static final class Slow extends Plain implements WritableByteChannel {
    @Override
    public int write(ByteBuffer more) {
      byte[] some = new byte[Math.min(10_007, more.remaining())];
      more.get(some);
      bytes.writeBytes(some);
      return some.length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }
  }

  private static List<Piece> pieces() {
    List<Piece> pieces = new ArrayList<>();
    for (long length : LENGTHS) {
      Map<String, Tensor> values = new LinkedHashMap<>();
      values.put("master", torch.arange(new Scalar(length)).to(torch.ScalarType.Float));
      values.put("exp_avg", torch.rand(length));
      pieces.add(new Piece("p" + length, length, length, values));
    }
    return pieces;
  }

  private static List<Integer> checksums(byte[] file) {
    List<Integer> checksums = new ArrayList<>();
    for (int at = 0; at < file.length; at += 4 << 20) {
      CRC32C checksum = new CRC32C();
      checksum.update(Arrays.copyOfRange(file, at, Math.min(file.length, at + (4 << 20))));
      checksums.add((int) checksum.getValue());
    }
    return checksums;
  }

  @Test
  void a_stream_that_takes_native_memory_gets_what_any_other_gets() throws IOException {
    LocalCheckpointStore local = new LocalCheckpointStore(folder);
    try (PointerScope scope = new PointerScope()) {
      List<Piece> pieces = pieces();
      StoredShard shard = ShardWriter.write(local, "folder", "shard", pieces);
      byte[] file = Files.readAllBytes(folder.resolve("folder/shard"));
      assertEquals(file.length, shard.length());
      assertEquals(checksums(file), shard.checksums());
      for (Plain stream : List.of(new Plain(), new Slow())) {
        StoredShard same = ShardWriter.write(new OneFile(stream), "folder", "shard", pieces);
        assertArrayEquals(file, stream.bytes.toByteArray(), stream.getClass().getName());
        assertEquals(shard, same);
      }
    }
  }

  /** A store that begins one file. */
  private static final class OneFile extends StoreStub {
    private final OutputStream file;

    OneFile(OutputStream file) {
      this.file = file;
    }

    @Override
    public OutputStream create(String path) {
      return file;
    }
  }
}
