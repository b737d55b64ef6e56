package io.kiln.engine.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints of a run in their store: {@code global_step20/}, {@code global_step40/}, and
 * {@code latest}, a text that names the newest. A checkpoint is what has a whole manifest; neither
 * a listing nor {@code latest} is taken for more than a hint.
 *
 * @param store where they are
 */
public record CheckpointFolder(CheckpointStore store) {
  /** A file that says which run uses the folder; there only while one does. */
  public static final String CLAIM = "in_use";

  private static final String PREFIX = "global_step";
  private static final String LATEST = "latest";
  private static final Pattern REPLACED =
      Pattern.compile(
          "\\.(" + PREFIX + "\\d{1,18})\\." + Pattern.quote(CheckpointStore.REPLACED) + ".*");

  /** Files of ranks; {@link #shard} makes the names. */
  private static final Pattern SHARD = Pattern.compile("rank_\\d+(-.*)?");

  /** Far above any manifest: what is longer is none. */
  private static final long MOST_MANIFEST_BYTES = 1L << 30;

  /** The folder of a checkpoint. */
  public static String name(long step) {
    return PREFIX + step;
  }

  /** The step in a checkpoint's folder name, if it is one. */
  public static OptionalLong step(String name) {
    return name.matches(PREFIX + "\\d{1,18}")
        ? OptionalLong.of(Long.parseLong(name.substring(PREFIX.length())))
        : OptionalLong.empty();
  }

  /**
   * The name of a rank's file in a checkpoint's folder.
   *
   * @param writer that nobody else is
   */
  public static String shard(int rank, String writer) {
    return "rank_" + rank + "-" + writer + ".safetensors";
  }

  /** The place of a checkpoint as an error names it. */
  public String where(long step) {
    return store.location() + "/" + name(step);
  }

  /**
   * Steps of the checkpoints, newest first: of those that have a manifest, be it whole or not. What
   * a writer has not finished is none.
   */
  public List<Long> candidates() throws IOException {
    List<Long> published = new ArrayList<>();
    for (long step : folders()) {
      if (isPublished(step)) {
        published.add(step);
      }
    }
    return published;
  }

  /** Steps at which there may be a checkpoint, or what is left of one, newest first. */
  public List<Long> folders() throws IOException {
    return Stream.concat(store.list("").stream(), latest().stream())
        .map(CheckpointFolder::step)
        .filter(OptionalLong::isPresent)
        .map(OptionalLong::getAsLong)
        .distinct()
        .sorted(Comparator.reverseOrder())
        .toList();
  }

  /** What {@code latest} says, if it says anything. */
  public Optional<String> latest() throws IOException {
    try {
      return Optional.of(new String(read(LATEST), StandardCharsets.UTF_8).strip());
    } catch (NoSuchFileException | CheckpointException none) {
      return Optional.empty();
    }
  }

  private byte[] read(String path) throws IOException {
    try (StoredFile file = store.open(path)) {
      if (file.length() > MOST_MANIFEST_BYTES) {
        throw new CheckpointException(
            store.location() + "/" + path, "is too long: " + file.length() + " bytes");
      }
      byte[] bytes = new byte[(int) file.length()];
      file.readFully(0, bytes, 0, bytes.length);
      return bytes;
    } catch (EOFException shorter) {
      throw new CheckpointException(
          store.location() + "/" + path, "became shorter while it was read", shorter);
    }
  }

  /**
   * Reads a manifest.
   *
   * @throws NewerFormatException if a newer Kiln has written it
   * @throws CheckpointException if it is missing or cannot be used
   */
  public CheckpointManifest manifest(long step) throws IOException {
    return manifest(name(step), step);
  }

  private CheckpointManifest manifest(String name, long step) throws IOException {
    String path = name + "/" + CheckpointManifest.FILE;
    String where = store.location() + "/" + path;
    try {
      CheckpointManifest manifest = CheckpointManifest.parse(where, read(path));
      if (manifest.step() != step) {
        throw new CheckpointException(where, "is that of step " + manifest.step());
      }
      return manifest;
    } catch (NoSuchFileException missing) {
      throw new CheckpointException(where, "is missing: the checkpoint is not whole", missing);
    }
  }

  /**
   * Reads every byte of a checkpoint.
   *
   * @throws CheckpointException at the first that is not what was written
   */
  public CheckpointManifest verify(long step) throws IOException {
    CheckpointManifest manifest = manifest(step);
    for (StoredShard shard : manifest.shards()) {
      verify(step, shard, bytes -> {});
    }
    return manifest;
  }

  /**
   * Reads every byte of one file of a checkpoint.
   *
   * @param read told now and then how many more bytes were read
   * @throws CheckpointException at the first that is not what was written
   */
  public void verify(long step, StoredShard shard, LongConsumer read) throws IOException {
    try (VerifiedFile file = VerifiedFile.open(store, name(step), shard, new RecentChunks())) {
      file.verify(read);
    }
  }

  /**
   * Looks for one file of a checkpoint, without reading it.
   *
   * @throws CheckpointException if it is missing or of another length
   */
  public void requireThere(long step, StoredShard shard) throws IOException {
    requireThere(name(step), shard);
  }

  private void requireThere(String name, StoredShard shard) throws IOException {
    VerifiedFile.open(store, name, shard, new RecentChunks()).close();
  }

  /**
   * Whether a manifest is there, be it whole or not. A folder without one is what a writer has not
   * finished.
   */
  public boolean isPublished(long step) throws IOException {
    return hasFile(name(step) + "/" + CheckpointManifest.FILE);
  }

  /**
   * Whether this very manifest is there: what it names is a checkpoint, whoever has heard that it
   * failed.
   */
  private boolean isPublished(CheckpointManifest manifest) throws IOException {
    try {
      return Arrays.equals(
          read(name(manifest.step()) + "/" + CheckpointManifest.FILE), manifest.toBytes());
    } catch (NoSuchFileException none) {
      return false;
    }
  }

  /**
   * Makes a draft whose files are all closed a checkpoint. May be called again when it failed half
   * way.
   *
   * @param draft its folder in the store
   */
  public void publish(String draft, CheckpointManifest manifest) throws IOException {
    if (!isPublished(manifest)) {
      for (StoredShard shard : manifest.shards()) {
        requireShared(draft, shard);
      }
      try (OutputStream out = store.create(draft + "/" + CheckpointManifest.FILE)) {
        out.write(manifest.toBytes());
      }
      store.publish(draft, name(manifest.step()));
    }
  }

  /** A folder of each node's own has the same name on all of them. */
  private void requireShared(String draft, StoredShard shard) throws IOException {
    try {
      requireThere(draft, shard);
    } catch (CheckpointException missing) {
      throw new CheckpointException(
          store.location() + "/" + draft + "/" + shard.file(),
          "is not there for rank 0 as its rank wrote it: checkpoint_dir has to be one folder for"
              + " all nodes",
          missing);
    }
  }

  /** Names the newest checkpoint in {@code latest}, for people and as a hint. */
  public void pointTo(long step) throws IOException {
    store.replace(LATEST, (name(step) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Removes the files of a draft that has not become a checkpoint; nothing where it has.
   *
   * @param draft its folder in the store
   */
  public void withdraw(String draft, CheckpointManifest manifest) throws IOException {
    if (isPublished(manifest)) {
      return;
    }
    for (StoredShard shard : manifest.shards()) {
      store.delete(draft + "/" + shard.file());
    }
    if (!draft.equals(name(manifest.step()))) {
      store.delete(draft);
    } else if (!hasManifest(manifest.step())) {
      // Where a part of a file is seen, it must not look like a checkpoint.
      store.delete(draft + "/" + CheckpointManifest.FILE);
    }
  }

  private boolean hasManifest(long step) throws IOException {
    try {
      manifest(step);
      return true;
    } catch (CheckpointException damaged) {
      return false;
    }
  }

  /**
   * Removes a file of a draft, and the draft with the last one.
   *
   * @param step that the draft was to become the checkpoint of
   */
  public void discard(long step, String draft, String file) throws IOException {
    store.delete(draft + "/" + file);
    // Where the draft is the final folder, somebody else may write there.
    if (!draft.equals(name(step)) && store.list(draft).isEmpty()) {
      store.delete(draft);
    }
  }

  /**
   * Removes what is too much. The newest checkpoint is known to be whole; older ones count only if
   * their manifest is and their files are there.
   *
   * @param newest stays
   * @param keepLast how many stay, the newest among them; at least 1
   * @param keepEvery checkpoints of multiples of this stay too; 0 for none
   * @throws IOException the first that did not go; the others were tried all the same
   */
  public void prune(long newest, int keepLast, long keepEvery) throws IOException {
    Optional<IOException> failure = Optional.empty();
    int whole = 1;
    for (long step : folders()) {
      if (step >= newest) {
        continue;
      }
      if (whole < keepLast) {
        whole += isThere(step) ? 1 : 0;
      } else if (keepEvery == 0 || step % keepEvery != 0) {
        try {
          remove(name(step));
        } catch (IOException stays) {
          failure = failure.or(() -> Optional.of(stays));
        }
      }
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  private void remove(String name) throws IOException {
    if (strangers(name).isEmpty()) {
      // Where a folder does not go at once, what is left of it must not look whole.
      store.delete(name + "/" + CheckpointManifest.FILE);
      store.delete(name);
    }
  }

  /**
   * Whether a checkpoint has a manifest and all its files, as long as they should be; their bytes
   * are not read. What a newer Kiln has written is not judged: it is there.
   */
  public boolean isThere(long step) throws IOException {
    return isThere(name(step), step);
  }

  private boolean isThere(String name, long step) throws IOException {
    try {
      for (StoredShard shard : manifest(name, step).shards()) {
        requireThere(name, shard);
      }
      return true;
    } catch (NewerFormatException newer) {
      return true;
    } catch (CheckpointException damaged) {
      return false;
    }
  }

  /**
   * Ends what a writer has begun that died while it put a checkpoint in the place of an older one
   * of its step: puts the new one there if it is whole, else the old one back. A writer that is
   * alive after all finds its work done.
   */
  public void finishReplacements() throws IOException {
    List<String> names = store.list("");
    Set<String> there = new HashSet<>(names);
    for (String hidden : names) {
      Matcher replaced = REPLACED.matcher(hidden);
      if (!replaced.matches() || !there.add(replaced.group(1))) {
        continue;
      }
      String name = replaced.group(1);
      String begun = hidden;
      for (String other : names) {
        if (other.startsWith("." + name + ".")
            && !REPLACED.matcher(other).matches()
            && isThere(other, step(name).getAsLong())) {
          begun = other;
        }
      }
      store.publish(begun, name);
    }
  }

  /**
   * Removes what writers that died have left: drafts, and folders without a manifest. What they had
   * all but published is published; what {@code latest} names has lost its manifest since and stays
   * for a person to look at, as does what is not Kiln's.
   */
  public void removeUnfinished() throws IOException {
    finishReplacements();
    String latest = latest().orElse("");
    for (String name : store.list("")) {
      if (name.startsWith("." + PREFIX)
          || name.startsWith("." + LATEST + ".")
          || name.startsWith("." + CLAIM + ".")
          || step(name).isPresent()
              && !name.equals(latest)
              && !hasFile(name + "/" + CheckpointManifest.FILE)
              && strangers(name).isEmpty()) {
        store.delete(name);
      }
    }
  }

  /**
   * Looks for checkpoints that another program has written under the same names, as DeepSpeed does.
   *
   * @return a file of theirs, in its folder
   */
  public Optional<String> foreign() throws IOException {
    Optional<String> latest = latest().filter(name -> step(name).isEmpty() && !name.isEmpty());
    if (latest.isPresent()) {
      return Optional.of(LATEST + ", which names " + latest.get());
    }
    for (String name : store.list("")) {
      if (step(name).isPresent() && !hasFile(name + "/" + CheckpointManifest.FILE)) {
        List<String> strangers = strangers(name);
        if (!strangers.isEmpty()) {
          return Optional.of(name + "/" + strangers.get(0));
        }
      }
    }
    return Optional.empty();
  }

  /** What lies in a checkpoint's folder and is neither a rank's file nor a hidden one. */
  private List<String> strangers(String name) throws IOException {
    return store.list(name).stream()
        .filter(file -> !file.startsWith(".") && !SHARD.matcher(file).matches())
        .filter(file -> !file.equals(CheckpointManifest.FILE))
        .toList();
  }

  private boolean hasFile(String path) throws IOException {
    try (StoredFile file = store.open(path)) {
      return true;
    } catch (NoSuchFileException none) {
      return false;
    }
  }
}
