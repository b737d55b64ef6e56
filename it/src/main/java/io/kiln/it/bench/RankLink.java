package io.kiln.it.bench;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Membership;
import io.kiln.engine.comm.Rendezvous;
import io.kiln.engine.comm.StoreServer;
import io.kiln.engine.comm.Transport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/** A child's side of {@link RankProcesses}: lines on its standard input and output. */
public final class RankLink {
  static final String GATHER = "@gather ";
  static final String REPORT = "@report ";

  private static final String HOST = "127.0.0.1";

  private final int rank;
  private final int ranks;
  private final BufferedReader in;
  private final PrintStream out;

  /**
   * @param arguments of {@code main}: the rank and the number of ranks first
   */
  public RankLink(String[] arguments) {
    this.rank = Integer.parseInt(arguments[0]);
    this.ranks = Integer.parseInt(arguments[1]);
    this.in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    this.out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  }

  public int rank() {
    return rank;
  }

  public int ranks() {
    return ranks;
  }

  /** Every rank's line, in rank order; returns when all have sent theirs. No tabs in a line. */
  public List<String> allGather(String line) {
    out.println(GATHER + line);
    try {
      String all = in.readLine();
      if (all == null) {
        throw new IllegalStateException("the process that started rank " + rank + " is gone");
      }
      return List.of(all.split("\t", -1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a rank does once it has met the others. */
  interface Body {
    void run(Communicator communicator) throws Exception;
  }

  /**
   * Meets the other ranks.
   *
   * @param timeout longest wait for one of them
   */
  void meet(Duration timeout, Body body) throws Exception {
    StoreServer store = rank == 0 ? StoreServer.open(HOST) : null;
    try {
      String address = allGather(store == null ? "" : store.address()).get(0);
      Membership membership = new Membership(rank, ranks, HOST, address, "bench", timeout);
      try (Communicator communicator = Rendezvous.join(membership, Transport.AUTOMATIC)) {
        body.run(communicator);
      }
    } finally {
      if (store != null) {
        store.close();
      }
    }
  }

  /**
   * Tells the starting process something, a line without breaks.
   *
   * @throws IllegalStateException if it is gone
   */
  public void report(String line) {
    out.println(REPORT + line);
    if (out.checkError()) {
      throw new IllegalStateException("the process that started rank " + rank + " is gone");
    }
  }
}
