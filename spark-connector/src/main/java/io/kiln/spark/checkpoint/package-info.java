/**
 * What a person does with the checkpoints of a run, on any file system that Hadoop knows and
 * without Spark: look at them, read every byte, make a Hugging Face model of one.
 */
package io.kiln.spark.checkpoint;
