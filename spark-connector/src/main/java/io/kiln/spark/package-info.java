/**
 * Kiln for people who have Spark: {@link io.kiln.spark.Trainer} makes a {@link
 * io.kiln.spark.TrainedModel} of a DataFrame, and {@link io.kiln.spark.cli.TrainingApplication} is
 * the same for a job file.
 */
package io.kiln.spark;
