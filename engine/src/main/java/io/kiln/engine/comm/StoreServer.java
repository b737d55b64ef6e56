package io.kiln.engine.comm;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.IntOptional;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/**
 * The keys and values by which ranks find each other: c10d's TCPStore, opened by rank 0 on a port
 * that the system chooses. The others get {@link #address()} by other means (Spark's barrier
 * allGather). Must stay open as long as the group lives.
 *
 * <p>It listens on the given interface only. Left to itself TCPStore would listen on all of them,
 * so it is handed a socket that is already bound.
 */
public final class StoreServer implements AutoCloseable {
  private static final int BACKLOG = 2048;
  private static final String LISTENING = "0A";

  private final TCPStore store;
  private final String address;

  private StoreServer(TCPStore store, String address) {
    this.store = store;
    this.address = address;
  }

  /**
   * Opens one.
   *
   * @param host name or address of the interface to listen on, as other hosts can reach it
   */
  public static StoreServer open(String host) {
    try {
      InetAddress bound = InetAddress.getByName(host);
      int descriptor;
      int port;
      // Not closed here: the store owns the descriptor, and a channel without a close holds
      // nothing.
      ServerSocketChannel channel =
          ServerSocketChannel.open(
              bound instanceof Inet4Address
                  ? StandardProtocolFamily.INET
                  : StandardProtocolFamily.INET6);
      try {
        channel.bind(new InetSocketAddress(bound, 0), BACKLOG);
        port = ((InetSocketAddress) channel.getLocalAddress()).getPort();
        descriptor = descriptorOf(port);
      } catch (IOException e) {
        channel.close();
        throw e;
      }
      return new StoreServer(listenOn(host, port, descriptor), host + ":" + port);
    } catch (IOException e) {
      throw new CommunicationException("no store can be opened on " + host + ": " + e, e);
    }
  }

  private static TCPStore listenOn(String host, int port, int descriptor) {
    try (PointerScope scope = new PointerScope()) {
      TCPStoreOptions options = new TCPStoreOptions();
      options.port((short) port);
      options.isServer(true);
      options.waitWorkers(false);
      options.masterListenFd(new IntOptional(descriptor));
      options.timeout(new Milliseconds(KeyStore.CONNECT_MILLIS));
      TCPStore store = new TCPStore(host, options);
      store.retainReference();
      return store;
    }
  }

  private static int descriptorOf(int port) throws IOException {
    String link = "socket:[" + inodeOf(port) + "]";
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          if (Files.readSymbolicLink(descriptor).toString().equals(link)) {
            return Integer.parseInt(descriptor.getFileName().toString());
          }
        } catch (IOException closedMeanwhile) {
          continue;
        }
      }
    }
    throw new IOException("/proc/self/fd does not show the socket on port " + port);
  }

  /** Fields of /proc/net/tcp: slot, local address:port, remote, state, ..., inode (proc(5)). */
  private static String inodeOf(int port) throws IOException {
    String suffix = String.format(":%04X", port);
    for (String table : new String[] {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
      if (!Files.exists(Path.of(table))) {
        continue;
      }
      for (String line : Files.readAllLines(Path.of(table), StandardCharsets.US_ASCII)) {
        String[] fields = line.trim().split("\\s+");
        if (fields.length > 9 && fields[1].endsWith(suffix) && fields[3].equals(LISTENING)) {
          return fields[9];
        }
      }
    }
    throw new IOException("/proc/self/net/tcp does not show the listener on port " + port);
  }

  /** {@code host:port}, for {@link Membership#store()}. */
  public String address() {
    return address;
  }

  @Override
  public void close() {
    store.close();
  }
}
