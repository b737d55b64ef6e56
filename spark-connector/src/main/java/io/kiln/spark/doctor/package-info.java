/** What {@code bin/kiln doctor} looks at, and what each finding costs. */
package io.kiln.spark.doctor;
