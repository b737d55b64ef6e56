/**
 * A rank's samples in native memory, and the micro-batches made of them ahead of the step. Knows
 * nothing of Spark: the bytes come from a barrier task's partition or straight from an array.
 */
package io.kiln.datasource.rank;
