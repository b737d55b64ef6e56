package io.kiln.spark.store;

import java.io.IOException;
import java.io.OutputStream;
import org.apache.hadoop.fs.Path;

/** How something becomes visible at once on a kind of file system. */
sealed interface Publication permits ByRename, InPlace {
  /** Begins a file. */
  OutputStream create(Path file) throws IOException;

  /** Where a checkpoint is written until it is published. */
  String draft(String name, String attempt);

  /** Makes a draft the checkpoint of that name. */
  void publish(String draft, String name) throws IOException;

  /** Writes a small file that is seen old or new. */
  void replace(String name, byte[] content) throws IOException;
}
