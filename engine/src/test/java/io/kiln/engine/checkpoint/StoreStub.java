package io.kiln.engine.checkpoint;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;

/** A store that a test overrides as far as it needs one; the rest is not called. */
public abstract class StoreStub implements CheckpointStore {
  @Override
  public String location() {
    return "stub";
  }

  @Override
  public OutputStream create(String path) throws IOException {
    throw new UnsupportedOperationException("create " + path);
  }

  @Override
  public StoredFile open(String path) throws IOException {
    throw new UnsupportedOperationException("open " + path);
  }

  @Override
  public List<String> list(String folder) throws IOException {
    throw new UnsupportedOperationException("list " + folder);
  }

  @Override
  public String draft(String name, String attempt) {
    throw new UnsupportedOperationException("draft " + name);
  }

  @Override
  public void publish(String draft, String name) {
    throw new UnsupportedOperationException("publish " + name);
  }

  @Override
  public void replace(String name, byte[] content) {
    throw new UnsupportedOperationException("replace " + name);
  }

  @Override
  public void delete(String path) throws IOException {
    throw new UnsupportedOperationException("delete " + path);
  }
}
