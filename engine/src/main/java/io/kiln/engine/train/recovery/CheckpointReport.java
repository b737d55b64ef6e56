package io.kiln.engine.train.recovery;

/**
 * A checkpoint that is whole.
 *
 * @param step after which it was taken
 * @param bytes of all its shards
 * @param waitMillis that this rank's training stood still for it
 * @param writeMillis from the copy until every rank knew that it is whole
 */
public record CheckpointReport(long step, long bytes, double waitMillis, double writeMillis) {}
