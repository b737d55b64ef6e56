package io.kiln.datasource.packing;

import io.kiln.datasource.DataException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** How many bytes a token travels as: the fewest that hold every id of the vocabulary. */
public enum TokenWidth {
  ONE(1),
  TWO(2),
  FOUR(4);

  private static final VarHandle SHORTS =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.nativeOrder());
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());

  private final int bytes;

  TokenWidth(int bytes) {
    this.bytes = bytes;
  }

  /** One byte up to 256 ids, two up to 65,536, four beyond. */
  public static TokenWidth of(int vocabulary) {
    if (vocabulary < 1) {
      throw new DataException("A vocabulary of " + vocabulary + " ids: there must be at least one");
    }
    return vocabulary <= 1 << 8 ? ONE : vocabulary <= 1 << 16 ? TWO : FOUR;
  }

  /** Bytes of one token. */
  public int bytes() {
    return bytes;
  }

  /** Writes tokens[from, from+count) in this machine's byte order, from byte offset at on. */
  public void put(int[] tokens, int from, int count, byte[] target, int at) {
    switch (this) {
      case ONE -> {
        for (int i = 0; i < count; i++) {
          target[at + i] = (byte) tokens[from + i];
        }
      }
      case TWO -> {
        for (int i = 0; i < count; i++) {
          SHORTS.set(target, at + 2 * i, (short) tokens[from + i]);
        }
      }
      case FOUR -> {
        for (int i = 0; i < count; i++) {
          INTS.set(target, at + 4 * i, tokens[from + i]);
        }
      }
    }
  }

  /** The token at an index of an array that {@link #put} wrote. */
  public int get(byte[] source, int index) {
    return switch (this) {
      case ONE -> source[index] & 0xff;
      case TWO -> (short) SHORTS.get(source, 2 * index) & 0xffff;
      case FOUR -> (int) INTS.get(source, 4 * index);
    };
  }

  /**
   * All tokens as bytes.
   *
   * @throws DataException if one does not fit
   */
  public byte[] pack(int[] tokens) {
    for (int i = 0; i < tokens.length; i++) {
      if (tokens[i] < 0 || (long) tokens[i] >> (8 * bytes) != 0) {
        throw new DataException(
            "Token " + tokens[i] + " at " + i + " is outside the vocabulary: it needs more bytes");
      }
    }
    byte[] target = new byte[Math.multiplyExact(tokens.length, bytes)];
    put(tokens, 0, tokens.length, target, 0);
    return target;
  }
}
