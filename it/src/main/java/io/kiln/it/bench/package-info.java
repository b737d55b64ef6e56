/**
 * What measures: each benchmark is a class with {@code run(String[])} that {@code bin/kiln bench
 * NAME} calls. Ratios within one run; medians over alternating repetitions. No test reads a clock.
 */
package io.kiln.it.bench;
