/** Which samples a step sees: arithmetic on (seed, step) alone, without a table. */
package io.kiln.datasource.lanes;
