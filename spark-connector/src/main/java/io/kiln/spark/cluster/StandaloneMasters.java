package io.kiln.spark.cluster;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The masters of a standalone cluster, as {@code spark://host:port} or {@code
 * spark://host:port,host:port} names them: of several one leads, and the others may be away. Spark
 * itself asks for a minute and a half before it says that there is none.
 *
 * @param url that names them
 * @param addresses not looked up yet
 */
public record StandaloneMasters(String url, List<InetSocketAddress> addresses) {
  private static final String SCHEME = "spark://";
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  /** A name or a number, an IPv6 address in brackets; then the port. */
  private static final Pattern ADDRESS = Pattern.compile("(\\[[^]]+]|[^:\\[\\]/]+):(\\d{1,5})");

  public StandaloneMasters {
    addresses = List.copyOf(addresses);
  }

  /**
   * @return empty where the URL is another kind of master's
   * @throws ConfigException if it begins like one and names no host and port
   */
  public static Optional<StandaloneMasters> of(String url) {
    if (!url.startsWith(SCHEME)) {
      return Optional.empty();
    }
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (String address : url.substring(SCHEME.length()).split(",", -1)) {
      Matcher parts = ADDRESS.matcher(address);
      if (!parts.matches() || Integer.parseInt(parts.group(2)) > 65535) {
        throw new ConfigException(
            "spark.master",
            "\"" + url + "\" must have the form spark://HOST:PORT or spark://HOST:PORT,HOST:PORT");
      }
      addresses.add(
          InetSocketAddress.createUnresolved(parts.group(1), Integer.parseInt(parts.group(2))));
    }
    return Optional.of(new StandaloneMasters(url, addresses));
  }

  /**
   * Connects to one after the other until one answers, three seconds each at the most.
   *
   * @throws ConfigException if none does
   */
  public void requireAnswer() {
    List<String> reasons = new ArrayList<>();
    for (InetSocketAddress address : addresses) {
      try (Socket socket = new Socket()) {
        socket.connect(
            new InetSocketAddress(address.getHostString(), address.getPort()),
            Math.toIntExact(PATIENCE.toMillis()));
        return;
      } catch (IOException away) {
        reasons.add(why(away));
      }
    }
    throw new ConfigException(
        "spark.master",
        "nobody answers at "
            + url
            + " ("
            + String.join("; ", reasons.stream().distinct().toList())
            + "): start the master or mend host and port");
  }

  private static String why(IOException away) {
    if (away instanceof UnknownHostException) {
      return "no such host";
    }
    return away instanceof SocketTimeoutException
        ? "no answer in " + PATIENCE.toSeconds() + " s"
        : String.valueOf(away.getMessage());
  }
}
