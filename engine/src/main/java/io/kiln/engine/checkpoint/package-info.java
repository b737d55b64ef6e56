/** Tensors in files: the safetensors format. Knows names and shapes, not what they mean. */
package io.kiln.engine.checkpoint;
