package io.kiln.engine.checkpoint;

import io.kiln.engine.checkpoint.VerifiedFile.Range;
import io.kiln.engine.checkpoint.VerifiedFile.Sink;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Reads what {@link ShardWriter} wrote, any part of it, checking every byte on the way. */
public final class ShardReader implements AutoCloseable {
  static final String SEPARATOR = "/";

  /**
   * A value of a run of a parameter's elements, as it lies in the file.
   *
   * @param kind {@code master}, {@code exp_avg}, …
   * @param parameter its name
   * @param begin index of the first element in the flattened parameter
   * @param elements how many
   */
  public record Run(String kind, String parameter, long begin, long elements) {}

  private record Key(String kind, String parameter) {}

  private record Placed(Run run, long position) {}

  private final VerifiedFile file;
  private final Map<Key, Placed> runs = new HashMap<>();

  private ShardReader(VerifiedFile file) throws IOException {
    this.file = file;
    long headerBytes =
        ByteBuffer.wrap(bytes(0, SafetensorsHeader.LENGTH_BYTES))
            .order(ByteOrder.LITTLE_ENDIAN)
            .getLong();
    long dataStart = SafetensorsHeader.LENGTH_BYTES + headerBytes;
    if (headerBytes < 2
        || headerBytes > SafetensorsHeader.MOST_BYTES
        || dataStart > file.length()) {
      throw new CheckpointException(file.where(), "is not a safetensors file");
    }
    SafetensorsHeader header =
        SafetensorsHeader.decode(
            file.where(),
            bytes(SafetensorsHeader.LENGTH_BYTES, headerBytes),
            file.length() - dataStart);
    for (SafetensorsEntry entry : header.entries().values()) {
      Run run = run(entry, header.metadata());
      runs.put(new Key(run.kind(), run.parameter()), new Placed(run, dataStart + entry.begin()));
    }
  }

  private Run run(SafetensorsEntry entry, Map<String, String> begins) throws IOException {
    int cut = entry.name().indexOf(SEPARATOR);
    if (cut < 0 || !entry.dtype().equals("F32")) {
      throw new CheckpointException(
          file.where(), entry.name() + " (" + entry.dtype() + ") is no value of a checkpoint");
    }
    String parameter = entry.name().substring(cut + 1);
    return new Run(
        entry.name().substring(0, cut),
        parameter,
        Long.parseLong(begins.getOrDefault(parameter, "0")),
        entry.elements());
  }

  /**
   * Opens a shard and reads its header.
   *
   * @param folder of the store, the checkpoint's
   * @param chunks where what was read last is kept
   * @throws CheckpointException if it is missing, of another length, or damaged
   */
  static ShardReader open(
      CheckpointStore store, String folder, StoredShard shard, RecentChunks chunks)
      throws IOException {
    VerifiedFile file = VerifiedFile.open(store, folder, shard, chunks);
    try {
      return new ShardReader(file);
    } catch (IOException | RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private byte[] bytes(long position, long count) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream((int) count);
    file.read(position, count, bytes::write);
    return bytes.toByteArray();
  }

  /** All that it holds. */
  public List<Run> runs() {
    List<Run> all = new ArrayList<>();
    runs.values().forEach(placed -> all.add(placed.run()));
    return all;
  }

  /** The elements of that value of that parameter that it holds. */
  public Optional<Run> run(String kind, String parameter) {
    return Optional.ofNullable(runs.get(new Key(kind, parameter))).map(Placed::run);
  }

  /**
   * Elements to copy out.
   *
   * @param run one of this file's
   * @param from index of the first element in the flattened parameter
   * @param target {@code [n]} fp32, contiguous, on any device
   */
  public record Wanted(Run run, long from, Tensor target) {}

  private long position(Wanted wanted) {
    Run run = wanted.run();
    return runs.get(new Key(run.kind(), run.parameter())).position()
        + (wanted.from() - run.begin()) * Float.BYTES;
  }

  /** Copies elements out, in the file's order, whatever the list's: its chunks are read once. */
  public void read(List<Wanted> wanted) throws IOException {
    List<Wanted> inOrder = new ArrayList<>(wanted);
    inOrder.sort(Comparator.comparingLong(this::position));
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      List<Range> ranges = new ArrayList<>();
      for (Wanted one : inOrder) {
        ranges.add(range(one));
      }
      file.read(ranges);
    }
  }

  private Range range(Wanted wanted) {
    Run run = wanted.run();
    Tensor target = wanted.target();
    long from = wanted.from();
    long count = target.numel();
    if (from < run.begin() || from + count > run.begin() + run.elements()) {
      throw new IllegalArgumentException(from + " to " + (from + count) + " of " + run);
    }
    Sink sink = target.is_cpu() ? intoHost(target) : new IntoDevice(target);
    return new Range(position(wanted), count * Float.BYTES, sink);
  }

  private static Sink intoHost(Tensor target) {
    BytePointer memory = new BytePointer(target.detach().data_ptr());
    return (bytes, offset, length) -> {
      memory.put(bytes, offset, length);
      memory.position(memory.position() + length);
    };
  }

  /** By way of host memory, for one run at a time. */
  private static final class IntoDevice implements Sink {
    private final Tensor target;
    private Tensor host;
    private BytePointer memory;

    IntoDevice(Tensor target) {
      this.target = target;
    }

    @Override
    public void accept(byte[] bytes, int offset, int length) {
      if (host == null) {
        host = torch.empty(target.numel());
        memory = new BytePointer(host.data_ptr());
      }
      memory.put(bytes, offset, length);
      memory.position(memory.position() + length);
      if (memory.position() == target.numel() * Float.BYTES) {
        target.detach().copy_(host);
        host.close();
      }
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
