package io.kiln.spark.store;

import java.io.IOException;
import java.io.OutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * On an object store: a file is seen when it is closed and not before, and a rename would be a copy
 * of every byte. So a draft is the final folder itself, the files in it carry the attempt in their
 * names, and the manifest, written last, makes the checkpoint.
 *
 * <p>Publishing does nothing. Files that an earlier attempt left in that folder stay: which these
 * are only the manifest tells, and a listing together with clocks or names would be a guess with a
 * checkpoint at stake. Nothing reads them, and they go with the folder.
 */
record InPlace(FileSystem files, Path folder) implements Publication {
  @Override
  public OutputStream create(Path path) throws IOException {
    try {
      FSDataOutputStreamBuilder<?, ?> file = files.createFile(path);
      file.overwrite(true);
      file.recursive();
      // Saves two requests that look for a folder of the file's name.
      file.opt("fs.s3a.create.performance", true);
      return new StoreOutput(files, path, file.build());
    } catch (IOException | RuntimeException failed) {
      throw StoreException.of("written", path, failed);
    }
  }

  @Override
  public String draft(String name, String attempt) {
    return name;
  }

  @Override
  public void publish(String draft, String name) {
    if (!draft.equals(name)) {
      throw new IllegalArgumentException(draft + " is no draft of " + name + " in " + folder);
    }
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    // One PUT.
    try (OutputStream out = create(new Path(folder, name))) {
      out.write(content);
    }
  }
}
