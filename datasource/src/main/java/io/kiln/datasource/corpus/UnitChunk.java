package io.kiln.datasource.corpus;

import java.io.Serializable;

/**
 * Some neighbouring units of the corpus. A run is what a task reads without a gap: a block of a
 * file, or a whole partition. A plain class with plain fields, so that Java's serializer and Kryo
 * both carry it.
 */
final class UnitChunk implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Ordinal of the run in its partition. */
  int run;

  /** File of the run; null where the order is the partitions'. */
  String file;

  /** Byte of the file at which the run's block begins. */
  long block;

  /** Rows that end in this chunk. */
  long rows;

  /** The units. */
  byte[] units;

  /** Greatest token or class id among them, -1 for none. */
  long greatest;

  /** What is wrong with the row behind these units; null where nothing is. */
  String problem;
}
