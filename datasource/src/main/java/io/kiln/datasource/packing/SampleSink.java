package io.kiln.datasource.packing;

/** Takes the pieces that {@link SamplePacker} cuts. */
public interface SampleSink {
  /**
   * Part of a sample, or all of it.
   *
   * @param rank that the sample lives on
   * @param evaluation whether it belongs to the validation split
   * @param slot of the sample on its rank
   * @param at byte offset inside the sample
   * @param source where its bytes are, valid during the call only
   * @param from first of them
   * @param count how many
   */
  void piece(int rank, boolean evaluation, long slot, int at, byte[] source, int from, int count);
}
