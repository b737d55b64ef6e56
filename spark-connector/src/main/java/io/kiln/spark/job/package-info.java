/** Job files: read, overridden from the command line, checked. */
package io.kiln.spark.job;
