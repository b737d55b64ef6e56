package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** Hands everything on; a test overrides what it looks at. */
class HandingOn implements CheckpointStore {
  private final CheckpointStore files;

  HandingOn(CheckpointStore files) {
    this.files = files;
  }

  @Override
  public String location() {
    return files.location();
  }

  @Override
  public OutputStream create(String path) throws IOException {
    return files.create(path);
  }

  @Override
  public StoredFile open(String path) throws IOException {
    return files.open(path);
  }

  @Override
  public List<String> list(String folder) throws IOException {
    return files.list(folder);
  }

  @Override
  public String draft(String name, String attempt) {
    return files.draft(name, attempt);
  }

  @Override
  public void publish(String draft, String name) throws IOException {
    files.publish(draft, name);
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    files.replace(name, content);
  }

  @Override
  public void delete(String path) throws IOException {
    files.delete(path);
  }
}
