package io.kiln.datasource.corpus;

import io.kiln.datasource.DataException;
import java.io.Serializable;
import org.apache.spark.sql.catalyst.InternalRow;

/** Makes units of a row: the tokens of its text, or its features and label. */
interface RowEncoder extends Serializable, AutoCloseable {
  /** Bytes of one unit. */
  int unitBytes();

  /**
   * The units of a row, as bytes.
   *
   * @throws DataException that says what is wrong with the row, but not which it is
   */
  byte[] encode(InternalRow row);

  /** The greatest token or class id among so many bytes of units. */
  long greatest(byte[] units, int bytes);

  /** Frees what encoding needed. */
  @Override
  default void close() {}
}
