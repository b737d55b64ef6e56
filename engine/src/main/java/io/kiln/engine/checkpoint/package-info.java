/**
 * Tensors in files, and checkpoints made of them: the safetensors format, the shard a rank writes,
 * the manifest that makes the shards one whole, the store they lie in. Knows names, shapes and
 * bytes, not what they mean to a training, and asks no other rank.
 */
package io.kiln.engine.checkpoint;
