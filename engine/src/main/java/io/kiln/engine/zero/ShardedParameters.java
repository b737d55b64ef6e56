package io.kiln.engine.zero;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Pending;
import io.kiln.engine.model.Block;
import io.kiln.engine.model.Borrowed;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterSpec;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.Rates;
import io.kiln.engine.optim.Slice;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.Tensors;
import io.kiln.engine.zero.FlatLayout.Placement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.IntFunction;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A model's parameters, gradients and optimizer state on one rank, spread as the {@link
 * ZeroOptions} say. The same class at every stage. Used by one thread.
 */
public final class ShardedParameters implements AutoCloseable {
  private static final String MASTER = "master";

  private final MemoryLedger ledger;
  private final Communicator communicator;
  private final List<BlockParameters> blocks = new ArrayList<>();
  private final List<Segment> segments = new ArrayList<>();
  private final List<String> stateNames;

  /**
   * Allocates everything; the values are zero until {@link #initialize}.
   *
   * @param groups which parameter group each parameter's rates come from
   * @param optimizer whose state is kept here
   */
  public ShardedParameters(
      Model model,
      ZeroOptions options,
      Communicator communicator,
      Device device,
      GroupAssignment groups,
      Optimizer optimizer) {
    this.communicator = communicator;
    this.ledger = new MemoryLedger(device);
    this.stateNames = optimizer.stateNames();
    try {
      allocate(model, options, groups, optimizer);
    } catch (RuntimeException | Error e) {
      ledger.close();
      throw e;
    }
  }

  private void allocate(
      Model model, ZeroOptions options, GroupAssignment groups, Optimizer optimizer) {
    ZeroMemory memory =
        new ZeroMemory(model, communicator.size(), options, optimizer.stateNames().size());
    BlockAllocation allocation = new BlockAllocation(memory, communicator, ledger);
    for (int i = 0; i < model.blocks().size(); i++) {
      BlockParameters block = allocation.allocate(i, lenders(model.blocks().get(i)));
      blocks.add(block);
      segments.addAll(segments(i, block, groups));
      try (PointerScope scope = new PointerScope()) {
        for (Tensor state : block.owned().states()) {
          state.fill_(new Scalar(optimizer.initialState()));
        }
      }
    }
  }

  private Map<String, BlockParameters> lenders(Block block) {
    Map<String, BlockParameters> lenders = new LinkedHashMap<>();
    for (Borrowed borrowed : block.borrows()) {
      lenders.put(borrowed.parameter(), blocks.get(borrowed.block()));
    }
    return lenders;
  }

  /** Cuts what this rank owns of a block where the parameter group changes. */
  private List<Segment> segments(int index, BlockParameters block, GroupAssignment groups) {
    OwnedPart owned = block.owned();
    long ownedEnd = owned.begin() + owned.elements();
    List<Placement> placements = block.layout().placements();
    List<Segment> cut = new ArrayList<>();
    long begin = owned.begin();
    for (int i = 0; i < placements.size(); i++) {
      int group = groups.groupOf(index, placements.get(i).spec());
      boolean last = i + 1 == placements.size();
      if (!last && groups.groupOf(index, placements.get(i + 1).spec()) == group) {
        continue;
      }
      // Padding goes with the parameter before it: its gradient is zero and it stays zero.
      long end = Math.min(last ? ownedEnd : placements.get(i + 1).offset(), ownedEnd);
      if (end > begin) {
        cut.add(segment(owned, begin - owned.begin(), end - begin, group));
        begin = end;
      }
    }
    return cut;
  }

  private Segment segment(OwnedPart owned, long offset, long elements, int group) {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> states =
          owned.states().stream()
              .map(state -> ledger.view(state.narrow(0, offset, elements)))
              .toList();
      return new Segment(
          ledger.view(owned.master().narrow(0, offset, elements)),
          ledger.view(owned.gradient().narrow(0, offset, elements)),
          states,
          group);
    }
  }

  /**
   * Gives every parameter its first value, block by block, straight into what this rank owns; the
   * rest comes from its owners, as after an update. All ranks call it.
   */
  public void initialize(InitialValues values) {
    for (BlockParameters block : blocks) {
      try (PointerScope scope = new PointerScope()) {
        OwnedPart owned = block.owned();
        for (Placement placement : block.layout().placements()) {
          long begin = Math.max(placement.offset(), owned.begin());
          long end = Math.min(placement.end(), owned.begin() + owned.elements());
          if (begin < end) {
            Tensor piece = owned.master().narrow(0, begin - owned.begin(), end - begin);
            Tensor host =
                piece.is_cpu()
                    ? piece
                    : torch.empty(
                        new long[] {end - begin}, new TensorOptions(ScalarType.Float), null);
            values.fill(placement.spec(), begin - placement.offset(), host);
            if (host != piece) {
              piece.copy_(host);
            }
          }
        }
        block.working().refresh();
      }
    }
  }

  /** In the order of the model's chain. */
  public List<BlockParameters> blocks() {
    return blocks;
  }

  /** Waits for the gradients that left during backward; then their global norm. */
  public GradientNorm finishGradients() {
    try (PointerScope scope = new PointerScope()) {
      double squares = 0;
      for (BlockParameters block : blocks) {
        block.gradients().finish();
        double norm = torch.linalg_vector_norm(block.gradientShard()).item().toDouble();
        squares += norm * norm;
      }
      return new GradientNorm(Math.sqrt(communicator.sum(squares)[0]));
    }
  }

  /**
   * Updates what this rank owns.
   *
   * @param step steps applied before, plus one
   * @param rates by parameter group
   * @param gradientDivisor what the reduced gradients are divided by
   */
  public void step(
      Optimizer optimizer, long step, IntFunction<Rates> rates, double gradientDivisor) {
    try (PointerScope scope = new PointerScope()) {
      settleGradients();
      List<Slice> slices = new ArrayList<>(segments.size());
      for (Segment segment : segments) {
        slices.add(segment.at(rates.apply(segment.group())));
      }
      optimizer.step(step, slices, gradientDivisor);
    }
  }

  /** Waits for what is under way of the gradients, where a step is not taken. */
  public void settleGradients() {
    for (BlockParameters block : blocks) {
      block.gradients().settle();
    }
  }

  /** The working copies are stale: refreshes them, or lets their next use do it. */
  public void publish() {
    try (PointerScope scope = new PointerScope()) {
      for (BlockParameters block : blocks) {
        block.working().refresh();
      }
    }
  }

  /**
   * Hands the master weights to {@code consumer}, whole and in host memory, one after the other, on
   * rank 0. All ranks call it.
   */
  public void export(BiConsumer<ParameterSpec, Tensor> consumer) {
    for (BlockParameters block : blocks) {
      try (PointerScope scope = new PointerScope()) {
        block.working().settle();
        Tensor whole = block.owned().master();
        if (whole.numel() != block.layout().elements()) {
          whole =
              Tensors.zeros(Dtype.FP32.scalarType(), ledger.device(), block.layout().elements());
          Pending arriving = communicator.allGather(block.owned().master(), whole);
          arriving.await();
        }
        if (communicator.rank() == 0) {
          whole = whole.cpu();
          for (Placement placement : block.layout().placements()) {
            consumer.accept(placement.spec(), BlockAllocation.shaped(whole, placement));
          }
        }
      }
    }
  }

  /** Every parameter, in the order of the model's chain. */
  public List<ParameterSpec> specs() {
    return blocks.stream()
        .flatMap(block -> block.layout().placements().stream())
        .map(Placement::spec)
        .toList();
  }

  /** Names of what the optimizer keeps of each parameter. */
  public List<String> stateNames() {
    return stateNames;
  }

  /** All that this rank updates, as a checkpoint knows it: master weights and optimizer state. */
  public List<Piece> ownedPieces() {
    List<Piece> pieces = new ArrayList<>();
    for (BlockParameters block : blocks) {
      OwnedPart owned = block.owned();
      addPieces(pieces, block, owned.begin(), owned.begin() + owned.elements());
    }
    return pieces;
  }

  /**
   * Where any rank's shard begins and ends in the parameters.
   *
   * @return pieces without values
   */
  public List<Piece> shardRuns(int rank) {
    return blocks.stream().flatMap(block -> block.layout().shardRuns(rank).stream()).toList();
  }

  /** Whether every rank holds master weights and optimizer state whole. */
  public boolean ownsEverything() {
    return blocks.stream().allMatch(block -> block.owned().elements() == block.layout().elements());
  }

  /** What the values of a piece are called: {@code master}, then the optimizer's state. */
  public List<String> valueNames() {
    List<String> names = new ArrayList<>(List.of(MASTER));
    names.addAll(stateNames);
    return names;
  }

  /** This rank's shard of it, even where it holds the whole: what it writes for all. */
  public List<Piece> shardPieces() {
    List<Piece> pieces = new ArrayList<>();
    for (BlockParameters block : blocks) {
      long begin = communicator.rank() * block.layout().shardElements();
      addPieces(pieces, block, begin, begin + block.layout().shardElements());
    }
    return pieces;
  }

  private void addPieces(List<Piece> pieces, BlockParameters block, long begin, long end) {
    OwnedPart owned = block.owned();
    block
        .layout()
        .forEachRun(
            begin,
            end,
            (placement, from, to) -> {
              Map<String, Tensor> values = new LinkedHashMap<>();
              try (PointerScope scope = new PointerScope()) {
                long at = from - owned.begin();
                values.put(MASTER, ledger.view(owned.master().narrow(0, at, to - from)));
                for (int i = 0; i < stateNames.size(); i++) {
                  values.put(
                      stateNames.get(i),
                      ledger.view(owned.states().get(i).narrow(0, at, to - from)));
                }
              }
              pieces.add(
                  new Piece(placement.spec().name(), from - placement.offset(), to - from, values));
            });
  }

  /** Bytes held, by kind, counted where they were allocated. */
  public Map<MemoryKind, Long> bytes() {
    return ledger.bytes();
  }

  @Override
  public void close() {
    ledger.close();
  }
}
