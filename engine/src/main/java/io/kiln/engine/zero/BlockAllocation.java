package io.kiln.engine.zero;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.zero.FlatLayout.Placement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Allocates what the blocks of a model hold on one rank, as the {@link ZeroOptions} say: the one
 * place where a stage's three choices become buffers.
 */
final class BlockAllocation {
  private final List<FlatLayout> layouts;
  private final ZeroOptions options;
  private final Communicator communicator;
  private final MemoryLedger ledger;
  private final int stateCount;
  private final SharedSlots gatheredSlots;
  private final SharedSlots bucketSlots;
  private final List<GatheredBuffer> gathered = new ArrayList<>();
  private final List<GradientBucket> buckets = new ArrayList<>();
  private final GradientBucket messageBucket;
  private final boolean prefetches;

  BlockAllocation(ZeroMemory memory, Communicator communicator, MemoryLedger ledger) {
    this.layouts = memory.layouts();
    this.options = memory.options();
    this.communicator = communicator;
    this.ledger = ledger;
    this.stateCount = memory.stateCount();
    this.gatheredSlots = memory.gatheredSlots();
    this.bucketSlots = memory.bucketSlots();
    this.prefetches = memory.prefetches();
    for (long elements : gatheredSlots.elements()) {
      gathered.add(
          new GatheredBuffer(ledger.allocate(MemoryKind.GATHERED, options.dtype(), elements)));
    }
    for (long elements : bucketSlots.elements()) {
      buckets.add(
          new GradientBucket(ledger.allocate(MemoryKind.BUCKETS, options.dtype(), elements)));
    }
    this.messageBucket =
        options
            .convertedMessageDtype()
            .map(
                dtype ->
                    new GradientBucket(
                        ledger.allocate(MemoryKind.BUCKETS, dtype, memory.largestBlock())))
            .orElse(null);
  }

  /** Everything that block {@code index} holds, its earlier blocks having been allocated. */
  BlockParameters allocate(int index, Map<String, BlockParameters> borrowed) {
    FlatLayout layout = layouts.get(index);
    try (PointerScope scope = new PointerScope()) {
      boolean sharded = options.stage().optimizer() == OptimizerPlacement.SHARD;
      long begin = sharded ? communicator.rank() * layout.shardElements() : 0;
      long elements = sharded ? layout.shardElements() : layout.elements();

      boolean gathers = gatheredSlots.slotOf().get(index) >= 0;
      Tensor kept =
          ledger.allocate(
              MemoryKind.PARAMETERS,
              options.dtype(),
              gathers ? layout.shardElements() : layout.elements());
      Tensor ownKept = gathers ? kept : part(kept, begin, elements);
      Tensor master =
          options.dtype() == Dtype.FP32
              ? ownKept
              : ledger.allocate(MemoryKind.OPTIMIZER, Dtype.FP32, elements);
      WorkingCopy working = workingCopy(index, kept, master, sharded);

      Map<String, Tensor> views = views(layout, working.flat());
      Gradients gradients = gradients(index, layout, List.copyOf(views.values()), sharded);
      List<Tensor> states = new ArrayList<>();
      for (int i = 0; i < stateCount; i++) {
        states.add(ledger.allocate(MemoryKind.OPTIMIZER, Dtype.FP32, elements));
      }
      return new BlockParameters(
          layout,
          working,
          gradients.flow(),
          new OwnedPart(begin, master, gradients.owned(), states),
          gradients.shard(),
          views,
          borrowedViews(borrowed),
          borrowed.values().stream().distinct().toList(),
          prefetches);
    }
  }

  private WorkingCopy workingCopy(int index, Tensor kept, Tensor master, boolean sharded) {
    int slot = gatheredSlots.slotOf().get(index);
    if (slot >= 0) {
      GatheredBuffer buffer = gathered.get(slot);
      return new GatheredCopy(
          kept,
          master,
          buffer,
          part(buffer.memory(), 0, layouts.get(index).elements()),
          communicator);
    }
    return sharded
        ? new RefreshedCopy(kept, master, communicator)
        : new ReplicatedCopy(kept, options.dtype() == Dtype.FP32 ? kept : master);
  }

  /** The way of a gradient, what the optimizer reads of it, and this rank's shard of it. */
  private record Gradients(GradientFlow flow, Tensor owned, Tensor shard) {}

  private Gradients gradients(int index, FlatLayout layout, List<Tensor> leaves, boolean sharded) {
    if (options.stage().gradients() == GradientDeparture.EACH_MICRO_BATCH) {
      Tensor shard = ledger.allocate(MemoryKind.GRADIENTS, Dtype.FP32, layout.shardElements());
      GradientBucket bucket = bucket(index);
      Tensor flat = part(bucket.memory(), 0, layout.elements());
      return new Gradients(
          new DepartingGradients(
              leafGradients(layout, leaves, flat), flat, bucket, messages(shard)),
          shard,
          shard);
    }
    Dtype accumulated = options.accumulatedDtype();
    Tensor whole = ledger.allocate(MemoryKind.GRADIENTS, accumulated, layout.elements());
    Tensor read =
        accumulated == Dtype.FP32
            ? whole
            : ledger.allocate(
                MemoryKind.GRADIENTS,
                Dtype.FP32,
                sharded ? layout.shardElements() : layout.elements());
    Tensor shard =
        read.numel() == layout.elements()
            ? part(read, communicator.rank() * layout.shardElements(), layout.shardElements())
            : read;
    GradientFlow flow =
        new BorderGradients(leafGradients(layout, leaves, whole), whole, messages(shard));
    return sharded
        ? new Gradients(flow, shard, shard)
        : new Gradients(new ReplicatedGradients(flow, shard, read, communicator), read, shard);
  }

  private LeafGradients leafGradients(FlatLayout layout, List<Tensor> leaves, Tensor flat) {
    List<Tensor> places = new ArrayList<>();
    List<Tensor> gaps = new ArrayList<>();
    long end = 0;
    for (Placement placement : layout.placements()) {
      if (placement.offset() > end) {
        gaps.add(part(flat, end, placement.offset() - end));
      }
      places.add(ledger.view(shaped(flat, placement)));
      end = placement.end();
    }
    if (layout.elements() > end) {
      gaps.add(part(flat, end, layout.elements() - end));
    }
    return new LeafGradients(leaves, places, gaps);
  }

  private GradientBucket bucket(int index) {
    return buckets.get(bucketSlots.slotOf().get(index));
  }

  private GradientMessages messages(Tensor shard) {
    return new GradientMessages(communicator, shard, messageBucket, options.overlap());
  }

  /** Leaves of autograd that read {@code flat}, in the layout's order. */
  private Map<String, Tensor> views(FlatLayout layout, Tensor flat) {
    // variable_data: writes to the flat tensor between forward and backward (a block gathered
    // again)
    // must not look to autograd like a change of what it saved; the bytes are the same by then.
    Tensor alias = flat.variable_data();
    Map<String, Tensor> views = new LinkedHashMap<>();
    for (Placement placement : layout.placements()) {
      Tensor view = shaped(alias, placement).detach();
      view.set_requires_grad(true);
      views.put(placement.spec().name(), ledger.view(view));
    }
    return views;
  }

  private static Map<String, Tensor> borrowedViews(Map<String, BlockParameters> borrowed) {
    Map<String, Tensor> views = new LinkedHashMap<>();
    borrowed.forEach((name, lender) -> views.put(name, lender.view(name)));
    return views;
  }

  /** The elements of {@code placement} in {@code flat}, in the parameter's shape. */
  static Tensor shaped(Tensor flat, Placement placement) {
    long[] shape = placement.spec().shape().stream().mapToLong(Long::longValue).toArray();
    return flat.narrow(0, placement.offset(), placement.spec().elements()).view(shape);
  }

  private Tensor part(Tensor flat, long begin, long elements) {
    return ledger.view(flat.narrow(0, begin, elements));
  }
}
