/**
 * One barrier stage whose tasks are the ranks of a job: their context, their stream to the driver,
 * and whose error is told. Knows nothing of training.
 */
package io.kiln.spark.barrier;
