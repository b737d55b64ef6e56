/**
 * Checkpoints of a training as it runs: when one is taken, how all ranks agree that it is whole,
 * and how a training begins from one, on any number of ranks and at any ZeRO stage. What a
 * checkpoint is made of belongs to {@link io.kiln.engine.checkpoint}.
 */
package io.kiln.engine.train.recovery;
