/**
 * A training run from a DataFrame to a folder with a model: what the driver plans ({@link
 * io.kiln.spark.training.TrainingRun}) and what each rank does ({@link
 * io.kiln.spark.training.TrainingRank}).
 */
package io.kiln.spark.training;
