/** {@code bin/kiln}'s subcommands. */
package io.kiln.spark.cli;
