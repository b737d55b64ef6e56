package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.CheckpointStore;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.EOFException;
import java.io.OutputStream;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Map;

/** A store to read from, whose bytes a test can change under it. */
record FilesInMemory(Map<String, byte[]> files) implements CheckpointStore {
  @Override
  public String location() {
    return "memory";
  }

  @Override
  public StoredFile open(String path) throws NoSuchFileException {
    byte[] content = files.get(path);
    if (content == null) {
      throw new NoSuchFileException(path);
    }
    return new StoredFile() {
      @Override
      public long length() {
        return content.length;
      }

      @Override
      public void readFully(long position, byte[] target, int offset, int length)
          throws EOFException {
        if (position + length > content.length) {
          throw new EOFException(path);
        }
        System.arraycopy(content, (int) position, target, offset, length);
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public List<String> list(String folder) {
    return List.of();
  }

  @Override
  public String draft(String name, String attempt) {
    return name;
  }

  @Override
  public OutputStream create(String path) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void publish(String draft, String name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void replace(String name, byte[] content) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void delete(String path) {
    throw new UnsupportedOperationException();
  }
}
