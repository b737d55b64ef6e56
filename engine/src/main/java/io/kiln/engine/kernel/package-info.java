/**
 * Kernels of Kiln's own for NVIDIA GPUs: CUDA C++ kept as resources, compiled by NVRTC for the card
 * that is there, launched on libtorch's current stream. A kernel is here because libtorch's
 * operators pass over memory too often for the same; whoever uses one has a way without it, for
 * machines without NVRTC. Knows no model, rank or schedule.
 */
package io.kiln.engine.kernel;
