package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/**
 * The folder in which a run keeps its checkpoints, on some file system. It knows files and folders,
 * not what is in them. Paths are relative to the folder and separated by {@code /}.
 *
 * <p>A checkpoint is a folder that is whole or not to be seen. Every rank writes its files into the
 * {@link #draft}; when all of them are closed, one rank writes the manifest there and {@linkplain
 * #publish publishes} the draft: by a rename where the file system renames a folder at once, else
 * by nothing at all, because the manifest came last and without it there is no checkpoint.
 *
 * <p>Safe to use from several threads and processes, as long as no two write the same file.
 */
public interface CheckpointStore extends AutoCloseable {
  /**
   * How the attempt begins under which a checkpoint's older namesake lies hidden while the new one
   * is put in its place: {@code draft(name, REPLACED + …)}.
   */
  String REPLACED = "old-";

  /** The folder as an error names it: with its scheme where that is not a local file's. */
  String location();

  /**
   * Begins a file; makes the folders above it and replaces a file of that name. Closed, the content
   * is as durable as the file system makes anything; not closed, there may be a part of it or
   * nothing.
   */
  OutputStream create(String path) throws IOException;

  /**
   * Opens a file.
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   */
  StoredFile open(String path) throws IOException;

  /**
   * Names of what lies in a folder; none where there is no such folder. What it says may be behind
   * the truth: it tells where to look, not what is whole.
   */
  List<String> list(String folder) throws IOException;

  /**
   * The folder in which a checkpoint is written until it is published.
   *
   * @param name of the checkpoint
   * @param attempt that nobody else makes: what an earlier one left behind is never mixed in
   */
  String draft(String name, String attempt);

  /**
   * Makes a draft, whose manifest has been written, the checkpoint {@code name}; an older one of
   * that name goes. Should the writer die meanwhile, one of them may be hidden, or both; none is
   * lost.
   */
  void publish(String draft, String name) throws IOException;

  /**
   * Writes a small file that lies in the folder itself; a reader sees the old content or the new,
   * nothing between.
   */
  void replace(String name, byte[] content) throws IOException;

  /** Removes a file, or a folder with all that is in it; nothing happens where there is none. */
  void delete(String path) throws IOException;

  /**
   * Lets go of connections; nothing where there are none. What was opened here is closed before.
   */
  @Override
  default void close() throws IOException {}
}
