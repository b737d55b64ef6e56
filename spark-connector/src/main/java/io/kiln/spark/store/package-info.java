/** Where checkpoints lie: any file system that Hadoop knows, as the engine's store. */
package io.kiln.spark.store;
