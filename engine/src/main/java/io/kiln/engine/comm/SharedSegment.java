package io.kiln.engine.comm;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The mapped file that the ranks of one host share: for each rank a ring of slots that it alone
 * writes, two counters that it alone moves, and a word about how it is.
 *
 * <p>The file loses its name before anything is written to it; the others open it through the
 * maker's descriptor in {@code /proc}. Whenever and however the processes die, nothing is left.
 *
 * <p>Layout: a page of {@code [magic, nonce, ranks, slotBytes, slots]}; a kilobyte a rank with
 * every counter on cache lines of its own; a label a slot; the rings, each from a page's start.
 */
final class SharedSegment implements AutoCloseable {
  /** What a rank says of itself. */
  enum Presence {
    ABSENT,
    JOINED,
    CLOSED,
    FAILED
  }

  private static final VarHandle LONG =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private static final long MAGIC = 0x4b696c6e52696e67L;
  private static final int PAGE = 4096;
  private static final int FEWEST_SLOTS = 4;
  private static final int NONCE = 8;
  private static final int RANKS = 16;
  private static final int SLOT_BYTES = 24;
  private static final int SLOTS = 32;
  private static final int CONTROL_STRIDE = 1024;
  private static final int PRESENCE = 0;
  private static final int DEPOSITED = 128;
  private static final int CONSUMED = 256;
  private static final int PROCESS = 384;
  private static final int REASON = 512;
  private static final int REASON_BYTES = CONTROL_STRIDE - REASON - 4;

  private final FileChannel channel;
  private final String address;
  private final int ranks;
  private final int slotBytes;
  private final int slots;
  private final ByteBuffer control;
  private final MappedByteBuffer[] rings;

  private SharedSegment(FileChannel channel, String address, int ranks, int slotBytes, int slots)
      throws IOException {
    this.channel = channel;
    this.address = address;
    this.ranks = ranks;
    this.slotBytes = slotBytes;
    this.slots = slots;
    long header = headerBytes(ranks, slots);
    this.control =
        channel.map(FileChannel.MapMode.READ_WRITE, 0, header).order(ByteOrder.nativeOrder());
    this.rings = new MappedByteBuffer[ranks];
    long ringBytes = (long) slots * slotBytes;
    for (int r = 0; r < ranks; r++) {
      rings[r] = channel.map(FileChannel.MapMode.READ_WRITE, header + r * ringBytes, ringBytes);
      rings[r].order(ByteOrder.nativeOrder());
      rings[r].load();
    }
  }

  private static long headerBytes(int ranks, int slots) {
    long bytes = PAGE + (long) ranks * CONTROL_STRIDE + (long) ranks * slots * Long.BYTES;
    return (bytes + PAGE - 1) / PAGE * PAGE;
  }

  /**
   * Makes one in the first directory that has room.
   *
   * @param directories to try, best first
   * @param slotBytes what a rank deposits at a time, a multiple of 4096 so that rings stay aligned
   * @param slots as many a rank as are wanted; where room is short it gets fewer, four at the least
   * @throws IOException if no directory takes it; the message says why for each
   */
  static SharedSegment create(List<Path> directories, int ranks, int slotBytes, int slots)
      throws IOException {
    if (slotBytes % PAGE != 0 || slots < FEWEST_SLOTS) {
      throw new IllegalArgumentException(
          "a ring has at least 4 slots of a multiple of 4096 bytes, not "
              + slots
              + " of "
              + slotBytes);
    }
    List<String> refusals = new ArrayList<>();
    for (Path directory : directories) {
      try {
        long room = Files.getFileStore(directory).getUsableSpace();
        int fitting = fitting(room, ranks, slotBytes, slots);
        if (fitting >= FEWEST_SLOTS) {
          return create(directory, ranks, slotBytes, fitting);
        }
        refusals.add(directory + " has " + room + " bytes free");
      } catch (IOException e) {
        refusals.add(directory + ": " + e);
      }
    }
    throw new IOException(
        "no place for the shared file of "
            + ranks
            + " ranks, "
            + (long) FEWEST_SLOTS * slotBytes
            + " bytes each at the least: "
            + String.join("; ", refusals));
  }

  /** Slots a rank, of those wanted. A fifth of the room stays free: others use it too. */
  static int fitting(long room, int ranks, int slotBytes, int wanted) {
    long ringBytes = (room / 5 * 4 - headerBytes(ranks, wanted)) / ranks;
    return (int) Math.min(wanted, Math.max(0, ringBytes / slotBytes));
  }

  private static SharedSegment create(Path directory, int ranks, int slotBytes, int slots)
      throws IOException {
    Path file = Files.createTempFile(directory.toRealPath(), "kiln-", ".ring");
    FileChannel channel;
    int descriptor;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      descriptor = descriptorOf(file);
    } finally {
      Files.delete(file);
    }
    try {
      reserve(channel, headerBytes(ranks, slots) + (long) ranks * slots * slotBytes);
      long nonce = new SecureRandom().nextLong();
      String address =
          "/proc/" + ProcessHandle.current().pid() + "/fd/" + descriptor + "#" + hex(nonce);
      SharedSegment segment = new SharedSegment(channel, address, ranks, slotBytes, slots);
      segment.control.putLong(NONCE, nonce);
      segment.control.putLong(RANKS, ranks);
      segment.control.putLong(SLOT_BYTES, slotBytes);
      segment.control.putLong(SLOTS, slots);
      LONG.setRelease(segment.control, 0, MAGIC);
      return segment;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Opens one that another rank of this host has made.
   *
   * @param address its {@link #address()}
   * @throws IOException if it cannot be opened, or is another file by now
   */
  static SharedSegment open(String address) throws IOException {
    int hash = address.indexOf('#');
    Path path = Path.of(address.substring(0, hash));
    FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      ByteBuffer head = ByteBuffer.allocate(64).order(ByteOrder.nativeOrder());
      channel.read(head, 0);
      if (head.getLong(0) != MAGIC
          || !hex(head.getLong(NONCE)).equals(address.substring(hash + 1))) {
        throw new IOException(path + " is not the file that was meant");
      }
      return new SharedSegment(
          channel,
          address,
          (int) head.getLong(RANKS),
          (int) head.getLong(SLOT_BYTES),
          (int) head.getLong(SLOTS));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static String hex(long value) {
    return HexFormat.of().toHexDigits(value);
  }

  private static int descriptorOf(Path file) throws IOException {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          if (Files.readSymbolicLink(descriptor).equals(file)) {
            return Integer.parseInt(descriptor.getFileName().toString());
          }
        } catch (IOException closedMeanwhile) {
          continue;
        }
      }
    }
    throw new IOException("/proc/self/fd does not show " + file);
  }

  /** Writes it full of zeros: a page that the file system cannot give later would be a SIGBUS. */
  private static void reserve(FileChannel channel, long bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 20);
    for (long at = 0; at < bytes; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - at));
      at += channel.write(zeros, at);
    }
  }

  /** What another process of this host gives to {@link #open}. */
  String address() {
    return address;
  }

  int ranks() {
    return ranks;
  }

  int slotBytes() {
    return slotBytes;
  }

  int slots() {
    return slots;
  }

  /** Bytes of one rank's ring. */
  long ringBytes() {
    return (long) slots * slotBytes;
  }

  /** A rank's ring. */
  ByteBuffer ring(int rank) {
    return rings[rank];
  }

  private static int at(int rank, int field) {
    return PAGE + rank * CONTROL_STRIDE + field;
  }

  private long read(int rank, int field) {
    return (long) LONG.getAcquire(control, at(rank, field));
  }

  private void write(int rank, int field, long value) {
    LONG.setRelease(control, at(rank, field), value);
  }

  /** Rounds that a rank has put into its ring. What it wrote before is seen by who reads this. */
  long deposited(int rank) {
    return read(rank, DEPOSITED);
  }

  void deposited(int rank, long rounds) {
    write(rank, DEPOSITED, rounds);
  }

  /** Rounds that a rank has taken from everybody's rings. */
  long consumed(int rank) {
    return read(rank, CONSUMED);
  }

  void consumed(int rank, long rounds) {
    write(rank, CONSUMED, rounds);
  }

  /** What a slot's content belongs to; written before {@link #deposited(int, long)}. */
  long label(int rank, int slot) {
    return control.getLong(labelAt(rank, slot));
  }

  void label(int rank, int slot, long label) {
    control.putLong(labelAt(rank, slot), label);
  }

  private int labelAt(int rank, int slot) {
    return PAGE + ranks * CONTROL_STRIDE + (rank * slots + slot) * Long.BYTES;
  }

  Presence presence(int rank) {
    return Presence.values()[(int) read(rank, PRESENCE)];
  }

  /** Says that a rank is there, and in which process. */
  void join(int rank, PeerProcess process) {
    control.putLong(at(rank, PROCESS), process.pid());
    control.putLong(at(rank, PROCESS + Long.BYTES), process.startTicks());
    write(rank, PRESENCE, Presence.JOINED.ordinal());
  }

  /** The process of a rank that has joined. */
  PeerProcess process(int rank) {
    return new PeerProcess(
        control.getLong(at(rank, PROCESS)), control.getLong(at(rank, PROCESS + Long.BYTES)));
  }

  /** Says that a rank will take no further part. A failure stays a failure. */
  void leave(int rank) {
    LONG.compareAndSet(
        control,
        at(rank, PRESENCE),
        (long) Presence.JOINED.ordinal(),
        (long) Presence.CLOSED.ordinal());
  }

  /** Says that a rank has failed and why. The first reason stays. */
  synchronized void fail(int rank, String reason) {
    if (presence(rank) == Presence.FAILED) {
      return;
    }
    byte[] text = reason.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(text.length, REASON_BYTES);
    control.putInt(at(rank, REASON), length);
    control.put(at(rank, REASON + 4), text, 0, length);
    write(rank, PRESENCE, Presence.FAILED.ordinal());
  }

  /** Why a rank has failed. */
  String reason(int rank) {
    byte[] text = new byte[control.getInt(at(rank, REASON))];
    control.get(at(rank, REASON + 4), text);
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Gives up the way for further ranks to open it. The mapping stays. */
  void seal() {
    try {
      channel.close();
    } catch (IOException ignored) {
      // A descriptor that does not close costs a descriptor.
    }
  }

  @Override
  public void close() {
    seal();
    for (MappedByteBuffer ring : rings) {
      Unmapping.unmap(ring);
    }
  }
}
