/**
 * Plain mathematics: blocks, model families, their Hugging Face names. Knows no rank, stage,
 * schedule or optimizer.
 */
package io.kiln.engine.model;
