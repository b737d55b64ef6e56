/**
 * Spark jobs that read a source once, encode its rows as units (tokens, or rows of features), keep
 * them in Spark's storage, and send each rank the samples that are its own.
 */
package io.kiln.datasource.corpus;
