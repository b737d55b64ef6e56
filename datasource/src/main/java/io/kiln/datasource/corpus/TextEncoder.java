package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import io.kiln.datasource.packing.TokenWidth;
import io.kiln.datasource.tokenizer.ByteTokenizer;
import io.kiln.datasource.tokenizer.Tokenizer;
import org.apache.spark.sql.catalyst.InternalRow;

/** The tokens of the text in the first column, and the end-of-text token where there is one. */
final class TextEncoder implements RowEncoder {
  private static final long serialVersionUID = 1L;

  private final Tokenizer tokenizer;
  private final TokenWidth width;
  private final String column;

  TextEncoder(Tokenizer tokenizer, String column) {
    this.tokenizer = tokenizer;
    this.width = TokenWidth.of(tokenizer.vocabularySize());
    this.column = column;
  }

  @Override
  public int unitBytes() {
    return width.bytes();
  }

  @Override
  public byte[] encode(InternalRow row) {
    if (row.isNullAt(0)) {
      throw new DataException(
          "Null text in column \"" + column + "\": leave such rows out, or fill them");
    }
    byte[] text = row.getUTF8String(0).getBytes();
    if (tokenizer instanceof ByteTokenizer) {
      return text; // The ids are the bytes.
    }
    int[] tokens = tokenizer.encodeUtf8(text);
    int end = tokenizer.endOfText().isPresent() ? 1 : 0;
    byte[] units = new byte[Math.multiplyExact(tokens.length + end, width.bytes())];
    width.put(tokens, 0, tokens.length, units, 0);
    if (end > 0) {
      width.put(
          new int[] {tokenizer.endOfText().getAsInt()}, 0, 1, units, tokens.length * width.bytes());
    }
    return units;
  }

  @Override
  public long greatest(byte[] units, int bytes) {
    long greatest = -1;
    int count = bytes / width.bytes();
    for (int i = 0; i < count; i++) {
      greatest = Math.max(greatest, width.get(units, i));
    }
    return greatest;
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
