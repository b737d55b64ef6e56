/** Trained models used inside executors, a partition at a time. */
package io.kiln.spark.inference;
