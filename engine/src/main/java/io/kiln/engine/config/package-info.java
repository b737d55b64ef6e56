/**
 * DeepSpeed's configuration as records: parsed, checked against each other, unknown keys refused by
 * name. Reads JSON and touches no tensor.
 */
package io.kiln.engine.config;
