/**
 * Which tokens make which sample, which rank a sample goes to, and the bytes it travels as. Plain
 * Java on byte arrays: the same code runs in Spark's tasks and in a process without Spark.
 */
package io.kiln.datasource.packing;
