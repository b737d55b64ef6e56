package io.kiln.engine.comm;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The rings of a {@link SharedSegment} as one rank sees them: spans of each type over each ring,
 * made once, and where in its slot of a round a rank's message lies.
 */
final class Rings implements AutoCloseable {
  /** Vector loads stay aligned. */
  private static final int ALIGNMENT = 64;

  private final SharedSegment segment;
  private final int rank;
  private final List<Map<ScalarType, Span>> spans = new ArrayList<>();

  Rings(SharedSegment segment, int rank) {
    this.segment = segment;
    this.rank = rank;
    for (int r = 0; r < segment.ranks(); r++) {
      spans.add(new EnumMap<>(ScalarType.class));
    }
  }

  int rank() {
    return rank;
  }

  int size() {
    return segment.ranks();
  }

  /** A rank's whole ring as elements of a type; {@link ScalarType#Byte} for bytes. */
  Span ring(int ringOf, ScalarType type, int elementBytes) {
    return spans
        .get(ringOf)
        .computeIfAbsent(type, t -> Span.over(segment.ring(ringOf), t, elementBytes));
  }

  /** Elements that a slot takes. */
  long slotLength(int elementBytes) {
    return segment.slotBytes() / elementBytes;
  }

  /** Elements that a slot takes for each peer, if it is divided among them. */
  long partLength(int elementBytes) {
    return partBytes() / elementBytes;
  }

  private int partBytes() {
    return segment.slotBytes() / Math.max(1, size() - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Element of a ring at which the slot of a round begins. */
  long slotStart(long round, int elementBytes) {
    return round % segment.slots() * slotLength(elementBytes);
  }

  /** Element of {@code from}'s ring at which its message for {@code to} begins in a round. */
  long partStart(long round, int from, int to, int elementBytes) {
    int index = to < from ? to : to - 1;
    return slotStart(round, elementBytes) + index * partLength(elementBytes);
  }

  /** A number in a rank's slot of a round. */
  double number(int ringOf, long round, int index) {
    return segment.ring(ringOf).getDouble(numberAt(round, index));
  }

  /** Puts a number into this rank's slot of a round. */
  void number(long round, int index, double value) {
    segment.ring(rank).putDouble(numberAt(round, index), value);
  }

  private int numberAt(long round, int index) {
    return (int) (round % segment.slots()) * segment.slotBytes() + index * Double.BYTES;
  }

  @Override
  public void close() {
    spans.forEach(ring -> ring.values().forEach(Span::close));
    spans.forEach(Map::clear);
  }
}
