package io.kiln.engine.zero;

import io.kiln.engine.model.Block;
import io.kiln.engine.model.Borrowed;
import io.kiln.engine.model.Model;
import io.kiln.engine.tensor.Dtype;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a rank will hold, computed without allocating anything: the plan that {@link
 * BlockAllocation} carries out and {@link #bytes()} adds up.
 */
public final class ZeroMemory {
  private final List<FlatLayout> layouts;
  private final ZeroOptions options;
  private final int stateCount;
  private final SharedSlots gatheredSlots;
  private final SharedSlots bucketSlots;
  private final boolean prefetches;

  /**
   * @param stateCount fp32 state tensors that the optimizer keeps beside each parameter
   */
  public ZeroMemory(Model model, int ranks, ZeroOptions options, int stateCount) {
    this.layouts =
        model.blocks().stream().map(block -> FlatLayout.of(block.parameters(), ranks)).toList();
    this.options = options;
    this.stateCount = stateCount;
    Set<Integer> lenders = new HashSet<>();
    for (Block block : model.blocks()) {
      block.borrows().stream().map(Borrowed::block).forEach(lenders::add);
    }
    boolean gathers = options.stage().parameters() == ParameterResidency.GATHERED;
    SharedSlots two = gatheredSlots(gathers, lenders, 2);
    // With one buffer for all, a block can only be gathered when the one before it is done.
    boolean fits = two.totalElements() <= options.maxLiveElements();
    this.gatheredSlots = fits ? two : gatheredSlots(gathers, lenders, 1);
    this.prefetches = fits && options.prefetchElements() > 0;
    boolean buckets = options.stage().gradients() == GradientDeparture.EACH_MICRO_BATCH;
    this.bucketSlots = SharedSlots.assign(layouts, block -> buckets, lenders::contains, 2);
  }

  private SharedSlots gatheredSlots(boolean gathers, Set<Integer> lenders, int alternating) {
    return SharedSlots.assign(
        layouts,
        block -> gathers && layouts.get(block).parameterElements() > options.persistenceThreshold(),
        lenders::contains,
        alternating);
  }

  /** Bytes by kind, exactly what the ledger of a rank will show. */
  public Map<MemoryKind, Long> bytes() {
    Map<MemoryKind, Long> bytes = new EnumMap<>(MemoryKind.class);
    boolean sharded = options.stage().optimizer() == OptimizerPlacement.SHARD;
    boolean departing = options.stage().gradients() == GradientDeparture.EACH_MICRO_BATCH;
    boolean narrow = options.dtype() != Dtype.FP32;
    long parameters = 0;
    long gradients = 0;
    long optimizer = 0;
    for (int i = 0; i < layouts.size(); i++) {
      long whole = layouts.get(i).elements();
      long shard = layouts.get(i).shardElements();
      long owned = sharded ? shard : whole;
      parameters += (gatheredSlots.slotOf().get(i) >= 0 ? shard : whole) * options.dtype().bytes();
      optimizer += (stateCount + (narrow ? 1L : 0L)) * owned * Dtype.FP32.bytes();
      if (departing) {
        gradients += shard * Dtype.FP32.bytes();
      } else {
        gradients += whole * options.accumulatedDtype().bytes();
        if (options.accumulatedDtype() != Dtype.FP32) {
          gradients += owned * Dtype.FP32.bytes();
        }
      }
    }
    bytes.put(MemoryKind.PARAMETERS, parameters);
    bytes.put(MemoryKind.GRADIENTS, gradients);
    bytes.put(MemoryKind.OPTIMIZER, optimizer);
    bytes.put(MemoryKind.GATHERED, gatheredSlots.totalElements() * options.dtype().bytes());
    long message = options.convertedMessageDtype().map(d -> largestBlock() * d.bytes()).orElse(0L);
    bytes.put(MemoryKind.BUCKETS, bucketSlots.totalElements() * options.dtype().bytes() + message);
    return bytes;
  }

  List<FlatLayout> layouts() {
    return layouts;
  }

  ZeroOptions options() {
    return options;
  }

  int stateCount() {
    return stateCount;
  }

  SharedSlots gatheredSlots() {
    return gatheredSlots;
  }

  SharedSlots bucketSlots() {
    return bucketSlots;
  }

  boolean prefetches() {
    return prefetches;
  }

  long largestBlock() {
    return layouts.stream().mapToLong(FlatLayout::elements).max().orElse(0);
  }
}
