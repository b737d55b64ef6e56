package io.kiln.engine.model;

/**
 * A parameter that a block reads and another owns.
 *
 * @param block index of the owner in the model's chain
 * @param parameter its name there
 */
public record Borrowed(int block, String parameter) {}
