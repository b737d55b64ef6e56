package io.kiln.engine.comm;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Work;

/** A collective through sockets: messages that were begun, and what is to do when all are there. */
abstract class SocketExchange {
  private record Message(int peer, Work work) {}

  private final GlooLink link;
  private final String name;
  private final long bytes;
  private final int tag;
  private final Span[] owned;
  private final List<Message> incoming = new ArrayList<>();
  private final List<Message> outgoing = new ArrayList<>();
  private final List<Span> views = new ArrayList<>();
  private final List<Span> buffers = new ArrayList<>();
  private boolean done;

  /**
   * @param name for messages
   * @param bytes of the whole, likewise
   * @param owned what to close at the end
   */
  SocketExchange(GlooLink link, String name, long bytes, Span... owned) {
    this.link = link;
    this.name = name;
    this.bytes = bytes;
    this.tag = link.nextTag();
    this.owned = owned;
  }

  /** Begins all messages. */
  abstract void begin();

  /** Makes the output of what has arrived. */
  abstract void finish();

  final int rank() {
    return link.rank();
  }

  final int size() {
    return link.size();
  }

  final void send(int to, Span span, long from, long count) {
    if (count > 0) {
      outgoing.add(new Message(to, link.send(to, span, from, count, tag)));
    }
  }

  final void receive(int from, Span span, long to, long count) {
    if (count > 0) {
      incoming.add(new Message(from, link.receive(from, span, to, count, tag)));
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
    Span buffer = link.staging().take(count * like.elementBytes());
    buffers.add(buffer);
    Span view = buffer.as(like.type(), count);
    views.add(view);
    return view;
  }

  /** Waits for all messages and makes the output. */
  final void complete() {
    for (Message message : incoming) {
      link.await(message.work(), message.peer(), toString());
    }
    // What is still leaving may lie where the output goes.
    for (Message message : outgoing) {
      link.await(message.work(), message.peer(), toString());
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
    buffers.forEach(link.staging()::give);
    buffers.clear();
    for (Span span : owned) {
      span.close();
    }
  }

  @Override
  public String toString() {
    return name + " of " + bytes + " bytes";
  }
}
