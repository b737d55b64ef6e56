/**
 * Native memory with an owner, operators by name, devices and threads. Knows no rank and no model.
 */
package io.kiln.engine.tensor;
