package io.kiln.engine.comm;

/** What a group's messages travel through. */
public enum Transport {
  /** Shared memory where all ranks are on one host and can open one file, sockets where not. */
  AUTOMATIC,
  /** A mapped file. */
  SHARED_MEMORY,
  /** Gloo over TCP. */
  SOCKETS,
  /** NCCL, for tensors on GPUs. */
  NCCL
}
