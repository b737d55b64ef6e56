package io.kiln.datasource.packing;

import io.kiln.datasource.DataException;

/**
 * Sample i is tokens i·T to i·T+T of the joined corpus: the first T go in, the last T are the
 * targets, and neighbours share one token.
 *
 * @param sequenceLength T
 * @param width bytes of a token
 */
public record TokenSamples(int sequenceLength, TokenWidth width) implements SampleShape {
  public TokenSamples {
    if (sequenceLength < 1) {
      throw new DataException(
          "data.sequence_length is " + sequenceLength + ": it must be at least 1");
    }
  }

  @Override
  public int unitBytes() {
    return width.bytes();
  }

  @Override
  public int stride() {
    return sequenceLength;
  }

  @Override
  public int length() {
    return sequenceLength + 1;
  }

  @Override
  public long targets(long units) {
    return Math.max(0, units - 1);
  }
}
