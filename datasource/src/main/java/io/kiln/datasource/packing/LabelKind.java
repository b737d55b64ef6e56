package io.kiln.datasource.packing;

/** What the label of a row of features is. */
public enum LabelKind {
  /** A class id from 0: an int64 target {@code [batch]}. */
  CLASS,
  /** A value, or several: an fp32 target {@code [batch, outputs]}. */
  VALUE
}
