package io.kiln.engine.train.recovery;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.StoredShard;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A checkpoint under way, as one rank sees it: first its shard is written, then all of it. */
final class CheckpointFlight {
  private final long step;
  private final String draft;
  private final ObjectNode content;
  private final long begun;
  private final Future<StoredShard> writing;
  private StoredShard shard;
  private List<StoredShard> shards = List.of();
  private Optional<Future<?>> publication = Optional.empty();
  private boolean publishing;
  private long waitNanos;

  CheckpointFlight(
      long step, String draft, ObjectNode content, long begun, Future<StoredShard> writing) {
    this.step = step;
    this.draft = draft;
    this.content = content;
    this.begun = begun;
    this.writing = writing;
  }

  long step() {
    return step;
  }

  String draft() {
    return draft;
  }

  CheckpointManifest manifest() {
    return new CheckpointManifest(step, content, shards);
  }

  /** Whether {@link #await} would return at once. */
  boolean done() {
    return publishing ? publication.map(Future::isDone).orElse(true) : writing.isDone();
  }

  /** Whether the last thing that was awaited was its publication. */
  boolean published() {
    return publishing;
  }

  /** Waits for what this rank does of it now; what went wrong, if something did. */
  Optional<IOException> await(Duration patience) {
    Future<?> now = publishing ? publication.orElse(null) : writing;
    if (now == null) {
      return Optional.empty();
    }
    try {
      Object result = now.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      if (result instanceof StoredShard written) {
        shard = written;
      }
      return Optional.empty();
    } catch (ExecutionException failed) {
      return Optional.of(refusal(failed.getCause()));
    } catch (TimeoutException slow) {
      return Optional.of(
          new IOException("the store did not take it within " + patience.toSeconds() + " s"));
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
      return Optional.of(new IOException("interrupted"));
    }
  }

  private static IOException refusal(Throwable failure) {
    if (failure instanceof IOException refused) {
      return refused;
    }
    return failure instanceof UncheckedIOException refused
        ? refused.getCause()
        : new IOException(failure.toString(), failure);
  }

  /** What this rank has written; after {@link #await} without a failure. */
  StoredShard shard() {
    return shard;
  }

  void gathered(List<StoredShard> all) {
    shards = all;
  }

  /** The shards are all written. */
  void publishing(Optional<Future<?>> work) {
    publishing = true;
    publication = work;
  }

  void waited(long nanos) {
    waitNanos += nanos;
  }

  /**
   * How it went.
   *
   * @param now when every rank knew, by the clock of {@code begun}, in nanoseconds
   */
  CheckpointReport report(long now) {
    return new CheckpointReport(step, manifest().bytes(), waitNanos / 1e6, (now - begun) / 1e6);
  }
}
