package io.kiln.engine.comm;

/** What a group's messages travel through. */
public enum Transport {
  /** Shared memory between ranks of one host that can open one file, sockets between others. */
  AUTOMATIC,
  /** A mapped file; all ranks are on one host. */
  SHARED_MEMORY,
  /** Gloo over TCP. */
  SOCKETS,
  /** NCCL, for tensors on GPUs; also for a rank alone, to which the others need nothing. */
  NCCL
}
