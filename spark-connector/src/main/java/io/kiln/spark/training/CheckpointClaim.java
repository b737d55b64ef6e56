package io.kiln.spark.training;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import io.kiln.engine.config.ConfigException;
import io.kiln.spark.output.RunOwner;
import io.kiln.spark.store.HadoopCheckpointStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.util.ShutdownHookManager;
import scala.runtime.BoxedUnit;

/**
 * The driver's word, in a folder of checkpoints, that its run uses the folder: two runs that write
 * there would remove each other's drafts and take each other's checkpoints for their own.
 *
 * <p>The word is a file that changes with every beat. Who finds one waits whether it changes: if it
 * does, the other run is alive and this one is refused; if not, its driver has died, and the folder
 * is this run's. No clock of another machine is asked. A driver that stood still for so long finds
 * another's word and ends.
 */
final class CheckpointClaim implements AutoCloseable {
  /**
   * How often the word changes, and how long it may not.
   *
   * @param patience several beats
   */
  record Pace(Duration beat, Duration patience) {
    static final Pace USUAL = new Pace(Duration.ofSeconds(10), Duration.ofSeconds(45));
  }

  /** After the last checkpoint (200), before Spark ends the session (50). */
  private static final int WHEN_DRIVER_ENDS = 150;

  private static final String RUN = "run";
  private static final long LOOKS_A_BEAT = 5;
  private static final long LONGEST_END_SECONDS = 5;
  private static final int MOST_BYTES = 1 << 16;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final CheckpointStore store;
  private final Pace pace;
  private final String run = UUID.randomUUID().toString();
  private final ObjectNode word = word(run);
  private final ScheduledExecutorService beats =
      Executors.newSingleThreadScheduledExecutor(
          beat -> {
            Thread thread = new Thread(beat, "kiln-checkpoint-claim");
            thread.setDaemon(true);
            return thread;
          });
  private final Object hook;
  private long beat;
  private volatile Optional<RuntimeException> lost = Optional.empty();

  private CheckpointClaim(CheckpointStore store, Pace pace) throws IOException {
    this.store = store;
    this.pace = pace;
    write();
    long millis = pace.beat().toMillis();
    beats.scheduleWithFixedDelay(this::beat, millis, millis, TimeUnit.MILLISECONDS);
    this.hook =
        ShutdownHookManager.addShutdownHook(
            WHEN_DRIVER_ENDS,
            () -> {
              giveUp();
              return BoxedUnit.UNIT;
            });
  }

  /**
   * Claims a folder; waits if it is not clear whether somebody else uses it.
   *
   * @param folder any path of Hadoop's
   * @param remarks hears why it waits
   * @throws ConfigException if another run uses it, or it cannot be used
   */
  static CheckpointClaim of(String folder, Configuration hadoop, Consumer<String> remarks) {
    try {
      CheckpointStore store = HadoopCheckpointStore.of(folder, hadoop);
      try {
        return of(store, Pace.USUAL, remarks);
      } catch (IOException | RuntimeException refused) {
        store.close();
        throw refused;
      }
    } catch (IOException unusable) {
      throw new ConfigException("training.checkpoint_dir", unusable.getMessage());
    }
  }

  /** The same, of a store that is closed with the claim. */
  static CheckpointClaim of(CheckpointStore store, Pace pace, Consumer<String> remarks)
      throws IOException {
    Optional<String> there = read(store);
    if (there.isPresent() && !isDead(there.get())) {
      remarks.accept(
          "%s: %s uses it, or died; looking for up to %d s whether it is alive"
              .formatted(store.location(), owner(there.get()), pace.patience().toSeconds()));
      awaitSilence(store, there.get(), pace);
    }
    return new CheckpointClaim(store, pace);
  }

  private static void awaitSilence(CheckpointStore store, String there, Pace pace)
      throws IOException {
    long end = System.nanoTime() + pace.patience().toNanos();
    while (System.nanoTime() < end) {
      try {
        Thread.sleep(pace.beat().toMillis() / LOOKS_A_BEAT);
      } catch (InterruptedException asked) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while " + store.location() + " was looked at");
      }
      Optional<String> now = read(store);
      if (now.isEmpty()) {
        return;
      }
      if (!now.get().equals(there)) {
        throw taken(store, now.get(), "uses it");
      }
    }
  }

  private static ConfigException taken(CheckpointStore store, String by, String how) {
    return new ConfigException(
        "training.checkpoint_dir",
        store.location()
            + ": another run ("
            + owner(by)
            + ") "
            + how
            + ": let it end, or give each run a folder of its own");
  }

  private static Optional<String> read(CheckpointStore store) throws IOException {
    try (StoredFile file = store.open(CheckpointFolder.CLAIM)) {
      byte[] bytes = new byte[(int) Math.min(MOST_BYTES, file.length())];
      file.readFully(0, bytes, 0, bytes.length);
      return Optional.of(new String(bytes, StandardCharsets.UTF_8));
    } catch (NoSuchFileException none) {
      return Optional.empty();
    }
  }

  private static JsonNode parse(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException unclear) {
      return JSON.createObjectNode();
    }
  }

  /** Whether it is known that who wrote this has ended. */
  private static boolean isDead(String text) {
    JsonNode json = parse(text);
    return new RunOwner(
            json.path("boot").asText(), json.path("pid").asLong(), json.path("started").asText())
        .isDead();
  }

  private static String owner(String text) {
    JsonNode json = parse(text);
    return json.has("pid")
        ? "process " + json.get("pid").asLong() + " on " + json.path("host").asText("?")
        : "somebody unknown";
  }

  private void write() throws IOException {
    word.put("beat", beat++);
    store.replace(CheckpointFolder.CLAIM, (word + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** Who says it; once, as a name service may be slow. */
  private static ObjectNode word(String run) {
    ObjectNode word = JSON.createObjectNode();
    word.put(RUN, run);
    word.put("pid", ProcessHandle.current().pid());
    try {
      word.put("host", InetAddress.getLocalHost().getHostName());
    } catch (UnknownHostException nameless) {
      // A container without a name; it is for people only.
    }
    try {
      RunOwner self = RunOwner.of(ProcessHandle.current());
      word.put("boot", self.host());
      word.put("started", self.started());
    } catch (IOException notTold) {
      // Who finds it waits for its beats, then.
    }
    return word;
  }

  private void beat() {
    try {
      Optional<String> there = read(store);
      if (there.isPresent() && !isOurs(there.get())) {
        lost = Optional.of(taken(store, there.get(), "has taken it, as this one was silent"));
      } else {
        write();
      }
    } catch (IOException | RuntimeException away) {
      // The next beat tries again; of a store that stays away the ranks tell.
    }
  }

  private boolean isOurs(String text) {
    return parse(text).path(RUN).asText().equals(run);
  }

  /** Why the run must end: another one has the folder. */
  Optional<RuntimeException> lost() {
    return lost;
  }

  private void giveUp() {
    beats.shutdownNow();
    try {
      beats.awaitTermination(LONGEST_END_SECONDS, TimeUnit.SECONDS);
      Optional<String> there = read(store);
      if (there.isPresent() && isOurs(there.get())) {
        store.delete(CheckpointFolder.CLAIM);
      }
    } catch (IOException | RuntimeException stays) {
      // It no longer changes: whoever comes next sees that.
    } catch (InterruptedException asked) {
      Thread.currentThread().interrupt();
    }
  }

  /** The run has ended. */
  @Override
  public void close() {
    ShutdownHookManager.removeShutdownHook(hook);
    giveUp();
    try {
      store.close();
    } catch (IOException open) {
      // Nothing is written to it any more.
    }
  }
}
