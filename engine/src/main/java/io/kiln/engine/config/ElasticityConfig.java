package io.kiln.engine.config;

import java.util.Collections;
import java.util.List;

/**
 * {@code elasticity}: a batch that can be cut for many numbers of ranks, so that a job goes on with
 * fewer or more of them and its loss curve stays the same. The answers are those of DeepSpeed's
 * {@code compute_elastic_config}, where ranks are the data-parallel size that its engine passes.
 *
 * @param where path of the section, for errors
 * @param version which of DeepSpeed's rules
 * @param maxBatch most samples of a step
 * @param microBatches samples that a rank may compute at a time
 * @param minRanks fewest ranks
 * @param maxRanks most ranks
 * @param preferLargerBatch which of two batches that serve equally many numbers of ranks
 * @param modelParallel ranks that share a copy of the model; 1 in version 0.1
 * @param ranksPerNode ranks come and go by as many; without effect in version 0.1
 */
public record ElasticityConfig(
    String where,
    Version version,
    int maxBatch,
    List<Integer> microBatches,
    int minRanks,
    int maxRanks,
    boolean preferLargerBatch,
    int modelParallel,
    int ranksPerNode) {
  /** DeepSpeed's versions of the rule. */
  public enum Version {
    /** One batch; a number of ranks that it cannot be cut for is refused. */
    V0_1,
    /** Nodes come and go whole; a number outside gets a batch of its own. */
    V0_2
  }

  public ElasticityConfig {
    microBatches = List.copyOf(microBatches);
  }

  /** The batch, and the numbers of ranks that share it. */
  public ElasticBatch batch() {
    return switch (version) {
      case V0_1 ->
          ElasticBatch.search(microBatches, maxBatch, minRanks, maxRanks, preferLargerBatch);
      case V0_2 -> batchOfNodes();
    };
  }

  /** Version 0.1's search among whole nodes. */
  private ElasticBatch batchOfNodes() {
    int limit = maxBatchOfNodePart();
    int most = maxRanks / ranksPerNode;
    ElasticBatch ofNodes =
        ElasticBatch.search(
            microBatches,
            limit,
            Math.max(1, minRanks / ranksPerNode),
            // Less than a node is no bound, as in DeepSpeed.
            most > 0 ? most : limit / Collections.min(microBatches),
            preferLargerBatch);
    List<Integer> ranks = ofNodes.ranks().stream().map(n -> n * copiesPerNode()).toList();
    // DeepSpeed lists data-parallel sizes, yet takes one only if its quotient is listed as well.
    List<Integer> taken = ranks.stream().filter(n -> ranks.contains(n / modelParallel)).toList();
    return new ElasticBatch(ofNodes.global() * copiesPerNode(), taken);
  }

  /** Copies of the model on a node. */
  int copiesPerNode() {
    return version == Version.V0_1 ? 1 : ranksPerNode / modelParallel;
  }

  /** What a micro-batch may not exceed: the limit of the batch, shared by a node's copies. */
  int maxBatchOfNodePart() {
    return maxBatch / copiesPerNode();
  }

  /**
   * The batch for a number of ranks: {@link #batch()} where the number is one of its, or else, in
   * version 0.2, the largest (or smallest) multiple that this number alone can take. The latter
   * does not heed the least and most ranks, as in DeepSpeed.
   *
   * @throws ConfigException if the number is refused; the line names the batch and the valid ones
   */
  public ElasticBatch batch(int ranks) {
    ElasticBatch shared = batch();
    if (shared.ranks().contains(ranks)) {
      return shared;
    }
    // Under model parallelism DeepSpeed compares the number with its own quotient: never equal.
    boolean mayBeAlone = version == Version.V0_2 && modelParallel == 1 && !foundNothing(shared);
    int own = mayBeAlone ? batchOf(ranks) : 0;
    if (own == 0) {
      throw refusal(ranks + (ranks == 1 ? " rank is" : " ranks are") + " not valid", shared);
    }
    return new ElasticBatch(own, List.of(ranks));
  }

  /** DeepSpeed fails where not one candidate came into question, for whatever number of ranks. */
  private boolean foundNothing(ElasticBatch shared) {
    return shared.ranks().isEmpty()
        && shared.global() == Collections.min(microBatches) * copiesPerNode();
  }

  /** Whole micro-batches of so many ranks within the limit; 0 where not one of them fits. */
  private int batchOf(int ranks) {
    List<Integer> fitting =
        microBatches.stream()
            .map(micro -> (long) micro * ranks)
            .map(step -> (int) (maxBatch / step * step))
            .toList();
    return preferLargerBatch ? Collections.max(fitting) : Collections.min(fitting);
  }

  /**
   * The batch cut for a number of ranks, with the largest micro-batch that divides a rank's share.
   *
   * @throws ConfigException as {@link #batch(int)}
   */
  public BatchSizes sizes(int ranks) {
    int global = batch(ranks).global();
    int share = global / ranks;
    int micro =
        microBatches.stream()
            .filter(size -> share % size == 0)
            .max(Integer::compare)
            .orElseThrow(() -> new IllegalStateException("no micro-batch divides " + share));
    return new BatchSizes(global, micro, share / micro);
  }

  /**
   * The most ranks that share {@link #batch()} and find room.
   *
   * @param slots tasks that can run at once
   * @throws ConfigException if even the fewest do not
   */
  public int largestUpTo(int slots) {
    ElasticBatch shared = batch();
    return shared
        .largestUpTo(slots)
        .orElseThrow(
            () -> refusal(slots + (slots == 1 ? " slot is" : " slots are") + " too few", shared));
  }

  private ConfigException refusal(String what, ElasticBatch shared) {
    String batch = " for a batch of %d samples: ".formatted(shared.global());
    return new ConfigException(
        where,
        shared.ranks().isEmpty()
            ? "no number of ranks from min_gpus %d to max_gpus %d is valid%swiden them"
                .formatted(minRanks, maxRanks, batch)
            : what + batch + "the number of ranks can be " + shared.choices());
  }
}
