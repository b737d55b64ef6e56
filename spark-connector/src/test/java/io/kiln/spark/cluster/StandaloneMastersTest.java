package io.kiln.spark.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.config.ConfigException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandaloneMastersTest {
  private static ServerSocket listening() throws IOException {
    return new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
  }

  /** Nobody listens there once the socket is closed. */
  private static int free() throws IOException {
    try (ServerSocket socket = listening()) {
      return socket.getLocalPort();
    }
  }

  @Test
  void a_master_that_nobody_answers_for_is_refused_in_one_line() throws IOException {
    String url = "spark://127.0.0.1:" + free();
    StandaloneMasters masters = StandaloneMasters.of(url).orElseThrow();
    ConfigException refused = assertThrows(ConfigException.class, masters::requireAnswer);
    assertTrue(
        refused.getMessage().startsWith("spark.master: nobody answers at " + url + " ("),
        refused.getMessage());
    assertEquals(1, refused.getMessage().lines().count());
  }

  @Test
  void one_master_of_several_is_enough() throws IOException {
    try (ServerSocket leader = listening()) {
      String url = "spark://127.0.0.1:" + free() + ",127.0.0.1:" + leader.getLocalPort();
      StandaloneMasters.of(url).orElseThrow().requireAnswer();
    }
  }

  @Test
  void a_url_without_a_port_is_refused_by_its_form() {
    for (String url :
        new String[] {
          "spark://h", "spark://h:x", "spark://h:70000", "spark://h:1,", "spark://:1"
        }) {
      ConfigException refused =
          assertThrows(ConfigException.class, () -> StandaloneMasters.of(url), url);
      assertTrue(
          refused.getMessage().startsWith("spark.master: \"" + url + "\" must have the form"));
    }
  }

  @Test
  void other_masters_are_not_asked() {
    for (String url :
        new String[] {"yarn", "k8s://https://h:443", "local[2]", "local-cluster[2,1,1024]"}) {
      assertEquals(Optional.empty(), StandaloneMasters.of(url), url);
    }
  }
}
