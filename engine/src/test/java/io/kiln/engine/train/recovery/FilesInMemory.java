package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.StoreStub;
import io.kiln.engine.checkpoint.StoredFile;
import java.io.EOFException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Map;

/** A store to read from, whose bytes a test can change under it. */
final class FilesInMemory extends StoreStub {
  private final Map<String, byte[]> files;

  FilesInMemory(Map<String, byte[]> files) {
    this.files = files;
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
}
