/** What a run leaves: a folder on any file system that Hadoop knows. */
package io.kiln.spark.output;
