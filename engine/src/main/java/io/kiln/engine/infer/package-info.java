/** Whole models in one process: loading, logits, predictions, generated text. */
package io.kiln.engine.infer;
