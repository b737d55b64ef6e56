/**
 * Ranks that exchange tensors: the {@link io.kiln.engine.comm.Communicator} with its backends
 * (shared memory, Gloo, NCCL) and the rendezvous that makes one. Knows tensors, but no parameter,
 * block or training step.
 */
package io.kiln.engine.comm;
