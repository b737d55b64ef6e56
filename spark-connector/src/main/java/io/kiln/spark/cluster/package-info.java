/** Masters, slots, processors, and the environment that decides speed. */
package io.kiln.spark.cluster;
