package io.kiln.engine.config;

/**
 * {@code zero_optimization}. Sizes count elements, not bytes.
 *
 * @param stage 0 to 3
 * @param reduceBucketSize read, noted, and without effect: a block is a message, cut up by the
 *     transport
 * @param allgatherBucketSize likewise
 * @param overlapComm whether gradients leave while backward goes on
 * @param contiguousGradients accepted: Kiln's gradients always lie in one buffer
 * @param prefetchBucketSize stage 3: parameters that are gathered ahead of use
 * @param parameterPersistenceThreshold stage 3: parameters up to this size are never dropped
 * @param maxLiveParameters stage 3: gathered parameters that may live at a time
 */
public record ZeroConfig(
    int stage,
    long reduceBucketSize,
    long allgatherBucketSize,
    boolean overlapComm,
    boolean contiguousGradients,
    long prefetchBucketSize,
    long parameterPersistenceThreshold,
    long maxLiveParameters) {}
