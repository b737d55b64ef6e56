package io.kiln.engine.comm;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Work;

/**
 * A rank's ways to its peers: through shared memory to those on its own host, where there is such a
 * way, and over sockets to all others. What ends one ends the other.
 */
final class Routes implements AutoCloseable {
  private final GlooLink sockets;
  private final Optional<HostLink> host;

  /**
   * @param sockets to all peers; closed with the routes
   * @param host closed likewise
   */
  Routes(GlooLink sockets, Optional<HostLink> host) {
    this.sockets = sockets;
    this.host = host;
  }

  int rank() {
    return sockets.rank();
  }

  int size() {
    return sockets.size();
  }

  GlooLink sockets() {
    return sockets;
  }

  /** Ranks that meet in shared memory, this one included; none if it has no such peer. */
  List<Integer> hostRanks() {
    return host.map(HostLink::worldRanks).orElse(List.of());
  }

  /** A peer's place on this host, or -1 if it is reached over sockets. */
  int placeOnHost(int peer) {
    return host.isPresent() ? host.get().placeOf(peer) : -1;
  }

  /** The place of a collective among the host's exchanges, if this rank has peers there. */
  Optional<HostMessages> reserve(Exchange.Kind kind, long bytes, HostMessages.Form form) {
    return host.map(h -> h.reserve(kind, bytes, form));
  }

  /** Moves what can move on this host, without waiting. */
  void move() {
    host.ifPresent(HostLink::move);
  }

  /** Waits for a collective's messages on this host. */
  void await(HostMessages messages) {
    HostLink peers = host.orElseThrow();
    try {
      peers.await(messages);
    } catch (CommunicationException e) {
      sockets.die(peers.failure());
      throw e;
    }
  }

  /** Waits for a message over sockets. */
  void await(Work work, int peer, String operation) {
    try {
      sockets.await(work, peer, operation);
    } catch (CommunicationException e) {
      tellHost();
      throw e;
    }
  }

  private void tellHost() {
    host.ifPresent(peers -> peers.fail(sockets.failure()));
  }

  /** A message to or from a peer could not be begun. */
  CommunicationException fail(String operation, int peer, RuntimeException cause) {
    CommunicationException failure = sockets.fail(operation, peer, cause);
    tellHost();
    return failure;
  }

  void checkUsable() {
    sockets.checkUsable();
  }

  long waitNanos() {
    return sockets.waitNanos() + host.map(HostLink::waitNanos).orElse(0L);
  }

  long ringBytes() {
    return host.map(HostLink::ringBytes).orElse(0L);
  }

  /** May be called by any thread. */
  void abort(String reason) {
    sockets.abort(reason);
    tellHost();
  }

  @Override
  public void close() {
    host.ifPresent(HostLink::close);
    sockets.close();
  }
}
