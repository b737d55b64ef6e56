/**
 * The Spark SQL side of data: a DataFrame becomes tokens, tokens become fixed-length samples with a
 * global index, and each rank gets the samples of its lanes. {@link
 * io.kiln.datasource.TrainingData} is the door; the rooms behind it are {@code tokenizer} (text to
 * ids), {@code corpus} (Spark jobs that tokenize once and keep the result), {@code packing} (which
 * tokens make which sample, and which rank it goes to), {@code lanes} (which samples a step sees)
 * and {@code rank} (a rank's samples in native memory, and the micro-batches made of them). {@code
 * tokenizer}, {@code packing}, {@code lanes} and {@code rank} know nothing of Spark.
 */
package io.kiln.datasource;
