package io.kiln.engine.comm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Work;

/**
 * A collective as messages between pairs of ranks, each by the way that leads to the peer, and what
 * is to do when all are there.
 */
abstract class MessageExchange {
  private record Message(int peer, Work work) {}

  private final Routes routes;
  private final Exchange.Kind kind;
  private final long bytes;
  private final HostMessages.Form form;
  private final int tag;
  private final Span[] owned;
  private final List<Message> incoming = new ArrayList<>();
  private final List<Message> outgoing = new ArrayList<>();
  private final List<Span> views = new ArrayList<>();
  private final List<Span> buffers = new ArrayList<>();
  private Optional<HostMessages> onHost = Optional.empty();
  private boolean done;

  /**
   * @param bytes of the whole, the same on every rank
   * @param form of its messages
   * @param owned what to close at the end
   */
  MessageExchange(
      Routes routes, Exchange.Kind kind, long bytes, HostMessages.Form form, Span... owned) {
    this.routes = routes;
    this.kind = kind;
    this.bytes = bytes;
    this.form = form;
    this.tag = routes.sockets().nextTag();
    this.owned = owned;
  }

  /** Takes its place in the order of collectives, which is the same on every rank. */
  final void reserve() {
    onHost = routes.reserve(kind, bytes, form);
  }

  /** Begins all messages; after {@link #reserve()}. */
  final void leave() {
    begin();
    onHost.ifPresent(HostMessages::open);
    routes.move();
  }

  /** Names all messages. */
  abstract void begin();

  /** Makes the output of what has arrived. */
  abstract void finish();

  final int rank() {
    return routes.rank();
  }

  final int size() {
    return routes.size();
  }

  final void send(int to, Span span, long from, long count) {
    int place = routes.placeOnHost(to);
    if (count > 0 && place >= 0) {
      onHost.orElseThrow().send(place, span, from, count);
    } else if (count > 0) {
      outgoing.add(begun(to, () -> routes.sockets().send(to, span, from, count, tag)));
    }
  }

  final void receive(int from, Span span, long to, long count) {
    int place = routes.placeOnHost(from);
    if (count > 0 && place >= 0) {
      onHost.orElseThrow().receive(place, span, to, count);
    } else if (count > 0) {
      incoming.add(begun(from, () -> routes.sockets().receive(from, span, to, count, tag)));
    }
  }

  private Message begun(int peer, Supplier<Work> message) {
    try {
      return new Message(peer, message.get());
    } catch (RuntimeException e) {
      throw routes.fail(toString(), peer, e);
    }
  }

  /** Receives into a buffer of the exchange's own, of the same type as {@code like}. */
  final Span receive(int from, Span like, long count) {
    Span buffer = stage(like, count);
    receive(from, buffer, 0, count);
    return buffer;
  }

  /** A buffer that lives as long as the exchange. */
  final Span stage(Span like, long count) {
    Span buffer = routes.sockets().staging().take(count * like.elementBytes());
    buffers.add(buffer);
    Span view = buffer.as(like.type(), count);
    views.add(view);
    return view;
  }

  /**
   * Waits for all messages and makes the output. First for those of the host, which only move when
   * their ranks do; the others move by Gloo's thread, whoever waits for whom meanwhile.
   */
  final void complete() {
    onHost.ifPresent(routes::await);
    for (Message message : incoming) {
      routes.await(message.work(), message.peer(), toString());
    }
    // What is still leaving may lie where the output goes.
    for (Message message : outgoing) {
      routes.await(message.work(), message.peer(), toString());
    }
    finish();
    done = true;
    release();
  }

  final boolean done() {
    return done;
  }

  /** Lets go of messages, buffers and tensors. */
  final void release() {
    incoming.forEach(message -> message.work().close());
    outgoing.forEach(message -> message.work().close());
    incoming.clear();
    outgoing.clear();
    views.forEach(Span::close);
    views.clear();
    buffers.forEach(routes.sockets().staging()::give);
    buffers.clear();
    for (Span span : owned) {
      span.close();
    }
  }

  @Override
  public String toString() {
    return kind.of(bytes);
  }
}
