/** What a person sees of a run. */
package io.kiln.spark.console;
