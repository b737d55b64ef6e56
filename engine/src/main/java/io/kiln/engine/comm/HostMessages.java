package io.kiln.engine.comm;

import java.util.ArrayList;
import java.util.List;

/**
 * Those messages of a collective of the whole world that stay on one host. It takes its place among
 * the host's exchanges when the collective is started; until {@link #open()} it only holds it.
 */
final class HostMessages extends Exchange {
  /**
   * How the messages of a collective look, the same on every rank.
   *
   * @param like of their elements' type
   * @param longest elements of the longest
   * @param alike whether a rank sends the same to all: it is then deposited once
   */
  record Form(Span like, long longest, boolean alike) {}

  private record Message(int peer, Span span, long from, long count) {}

  private final Rings rings;
  private final Form form;
  private final int elementBytes;
  private final long step;
  private final List<Message> outgoing = new ArrayList<>();
  private final List<Message> incoming = new ArrayList<>();
  private boolean open;

  /**
   * @param bytes of the whole collective, for messages
   */
  HostMessages(Rings rings, Kind kind, long bytes, Form form) {
    super(kind, bytes, ceilDiv(form.longest(), step(rings, form)));
    this.rings = rings;
    this.form = form;
    this.elementBytes = form.like().elementBytes();
    this.step = step(rings, form);
  }

  private static long step(Rings rings, Form form) {
    int bytes = form.like().elementBytes();
    return form.alike() ? rings.slotLength(bytes) : rings.partLength(bytes);
  }

  /** Names a message; {@code peer} counts within the host. */
  void send(int peer, Span span, long from, long count) {
    outgoing.add(new Message(peer, span, from, count));
  }

  /** Says where a message belongs. */
  void receive(int peer, Span span, long to, long count) {
    incoming.add(new Message(peer, span, to, count));
  }

  /** All messages are named: they may travel. */
  void open() {
    open = true;
  }

  @Override
  boolean depositable(long round, long collectedRounds) {
    return open;
  }

  @Override
  boolean deposits() {
    return !outgoing.isEmpty();
  }

  @Override
  boolean reads(int peer) {
    for (Message message : incoming) {
      if (message.peer() == peer) {
        return true;
      }
    }
    return false;
  }

  private Span ring(int peer) {
    return rings.ring(peer, form.like().type(), elementBytes);
  }

  private long start(long global, int from, int to) {
    return form.alike()
        ? rings.slotStart(global, elementBytes)
        : rings.partStart(global, from, to, elementBytes);
  }

  private long count(Message message, long round) {
    return Math.min(step, message.count() - round * step);
  }

  @Override
  void deposit(long round, long global) {
    int rank = rings.rank();
    for (Message message : form.alike() && deposits() ? outgoing.subList(0, 1) : outgoing) {
      long count = count(message, round);
      if (count > 0) {
        long start = start(global, rank, message.peer());
        Span.copy(message.span(), message.from() + round * step, ring(rank), start, count);
      }
    }
  }

  @Override
  void collect(long round, long global) {
    for (Message message : incoming) {
      long count = count(message, round);
      if (count > 0) {
        long start = start(global, message.peer(), rings.rank());
        Span.copy(
            ring(message.peer()), start, message.span(), message.from() + round * step, count);
      }
    }
  }
}
