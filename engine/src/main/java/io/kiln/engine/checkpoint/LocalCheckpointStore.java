package io.kiln.engine.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * A folder of this machine's file system, or of one that all ranks have mounted. What is closed or
 * published has reached the disk.
 *
 * @param folder made when something is written
 */
public record LocalCheckpointStore(Path folder) implements CheckpointStore {
  public LocalCheckpointStore {
    folder = folder.toAbsolutePath().normalize();
  }

  @Override
  public String location() {
    return folder.toString();
  }

  @Override
  public OutputStream create(String path) throws IOException {
    Path file = folder.resolve(path);
    try {
      Files.createDirectories(file.getParent());
      FileChannel channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING);
      return new LocalOutput(file, channel);
    } catch (IOException refused) {
      throw LocalStoreException.of("written", file, refused);
    }
  }

  /** A file on its way, which takes native memory as it lies there. */
  private static final class LocalOutput extends OutputStream implements WritableByteChannel {
    private final Path file;
    private final FileChannel channel;

    private LocalOutput(Path file, FileChannel channel) {
      this.file = file;
      this.channel = channel;
    }

    @Override
    public void write(int single) throws IOException {
      write(new byte[] {(byte) single}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      write(ByteBuffer.wrap(bytes, offset, length));
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      int count = bytes.remaining();
      try {
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      } catch (IOException refused) {
        throw LocalStoreException.of("written", file, refused);
      }
      return count;
    }

    @Override
    public boolean isOpen() {
      return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
      try (channel) {
        if (channel.isOpen()) {
          channel.force(true);
        }
      } catch (IOException refused) {
        throw LocalStoreException.of("written", file, refused);
      }
    }
  }

  @Override
  public StoredFile open(String path) throws IOException {
    Path file = folder.resolve(path);
    if (Files.isDirectory(file)) {
      // It could be opened, and fails when it is read.
      throw new NoSuchFileException(file.toString(), null, "is a folder");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(file, StandardOpenOption.READ);
    } catch (NoSuchFileException none) {
      throw none;
    } catch (IOException refused) {
      throw LocalStoreException.of("read", file, refused);
    }
    return new StoredFile() {
      private final long length = channel.size();

      @Override
      public long length() {
        return length;
      }

      @Override
      public void readFully(long position, byte[] target, int offset, int length)
          throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(target, offset, length);
        int end = buffer.limit();
        while (buffer.position() < end) {
          // By way of memory outside the heap, which is kept for the next: no more than a cache.
          buffer.limit(Math.min(end, buffer.position() + NativeOutput.PIECE_BYTES));
          if (read(buffer, position + buffer.position() - offset) < 0) {
            throw new EOFException(file + " ends before byte " + (position + length));
          }
        }
      }

      private int read(ByteBuffer buffer, long at) throws IOException {
        try {
          return channel.read(buffer, at);
        } catch (IOException refused) {
          throw LocalStoreException.of("read", file, refused);
        }
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  @Override
  public List<String> list(String path) throws IOException {
    try (Stream<Path> entries = Files.list(folder.resolve(path))) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (NoSuchFileException none) {
      return List.of();
    } catch (NotDirectoryException file) {
      throw LocalStoreException.file(folder.resolve(path));
    } catch (IOException refused) {
      throw LocalStoreException.of("read", folder.resolve(path), refused);
    }
  }

  @Override
  public String draft(String name, String attempt) {
    return "." + name + "." + attempt;
  }

  @Override
  public void publish(String draft, String name) throws IOException {
    Path target = folder.resolve(name);
    Path old = folder.resolve(draft(name, REPLACED + UUID.randomUUID()));
    boolean replaces = Files.exists(target);
    try {
      if (replaces) {
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      try {
        Files.move(folder.resolve(draft), target, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException refused) {
        if (replaces) {
          putBack(old, target, refused);
        }
        throw refused;
      }
      synchronizeFolder();
    } catch (IOException refused) {
      throw LocalStoreException.of("published", folder.resolve(draft), refused);
    }
    delete(folder.relativize(old).toString());
  }

  private static void putBack(Path old, Path target, IOException failure) {
    try {
      Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException also) {
      failure.addSuppressed(also);
    }
  }

  @Override
  public void replace(String name, byte[] content) throws IOException {
    String draft = draft(name, UUID.randomUUID().toString());
    try (OutputStream out = create(draft)) {
      out.write(content);
    }
    try {
      Files.move(
          folder.resolve(draft),
          folder.resolve(name),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      synchronizeFolder();
    } catch (IOException refused) {
      Files.deleteIfExists(folder.resolve(draft));
      throw LocalStoreException.of("written", folder.resolve(name), refused);
    }
  }

  /** A rename has reached the disk when its folder has (Linux). */
  private void synchronizeFolder() throws IOException {
    try (FileChannel entries = FileChannel.open(folder, StandardOpenOption.READ)) {
      entries.force(true);
    }
  }

  @Override
  public void delete(String path) throws IOException {
    try {
      Files.walkFileTree(folder.resolve(path), new Removal());
    } catch (NoSuchFileException gone) {
      // As wanted.
    } catch (IOException refused) {
      throw LocalStoreException.of("deleted", folder.resolve(path), refused);
    }
  }

  private static final class Removal extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.deleteIfExists(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path done, IOException error) throws IOException {
      Files.deleteIfExists(done);
      return FileVisitResult.CONTINUE;
    }
  }
}
