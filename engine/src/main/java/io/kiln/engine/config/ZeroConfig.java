package io.kiln.engine.config;

/**
 * {@code zero_optimization}. Sizes count elements, not bytes.
 *
 * @param stage 0 to 3
 * @param reduceBucketSize read, noted, and without effect: a block is a message, cut up by the
 *     transport
 * @param allgatherBucketSize likewise
 * @param overlapComm whether gradients leave while backward goes on
 * @param prefetchBucketSize stage 3, a switch: 0 gathers a block when it is wanted, any other
 *     number gathers the next block, whole, while one computes
 * @param parameterPersistenceThreshold stage 3: blocks of at most so many elements stay whole
 * @param maxLiveParameters stage 3, a choice: below the sizes of the two buffers that blocks are
 *     gathered into by turns there is one buffer, and nothing is gathered ahead
 */
public record ZeroConfig(
    int stage,
    long reduceBucketSize,
    long allgatherBucketSize,
    boolean overlapComm,
    long prefetchBucketSize,
    long parameterPersistenceThreshold,
    long maxLiveParameters) {}
