/**
 * A block's flat shard and the three choices that a ZeRO stage is (Rajbhandari et al. 2020,
 * arXiv:1910.02054): where optimizer state, gradients and working parameters live. The only room
 * that knows both blocks and ranks.
 */
package io.kiln.engine.zero;
