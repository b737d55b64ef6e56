package io.kiln.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.RecordingCommunicator;
import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.model.Activation;
import io.kiln.engine.model.Block;
import io.kiln.engine.model.DenseBlock;
import io.kiln.engine.model.MeanSquaredError;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.model.Pass;
import io.kiln.engine.model.Weights;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.Rates;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.zero.FlatLayout;
import io.kiln.engine.zero.GroupAssignment;
import io.kiln.engine.zero.ShardedParameters;
import io.kiln.engine.zero.ZeroOptions;
import io.kiln.engine.zero.ZeroStage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/**
 * What is on its way while a block computes: a loss cannot tell, so the order of messages and of
 * walks through the blocks is written down. Four blocks, two ranks.
 */
class SeamOrderTest {
  private static final int RANKS = 2;
  private static final long[] WIDTHS = {4, 8, 16, 24, 32};
  private static final int LAST = WIDTHS.length - 2;

  /** No two blocks have shards of one size: a message is known by it. */
  private static Model model() {
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i <= LAST; i++) {
      blocks.add(
          new DenseBlock(
              i,
              WIDTHS[i],
              WIDTHS[i + 1],
              i == LAST ? Optional.empty() : Optional.of(Activation.RELU),
              0));
    }
    return new Model(blocks, new MeanSquaredError());
  }

  private static String name(Model model, long shardElements) {
    for (int i = 0; i <= LAST; i++) {
      if (FlatLayout.of(model.blocks().get(i).parameters(), RANKS).shardElements()
          == shardElements) {
        return Integer.toString(i);
      }
    }
    throw new AssertionError("a shard of " + shardElements + " elements");
  }

  /** Writes down when a block begins to compute. */
  private record Walks(Model model, List<String> events) implements Retention {
    @Override
    public Kept run(Block block, Weights weights, Tensor input, Pass pass) {
      int index = model.blocks().indexOf(block);
      events.add("forward " + index);
      Kept kept = new KeepGraph().run(block, weights, input, pass);
      return new Kept() {
        @Override
        public Tensor output() {
          return kept.output();
        }

        @Override
        public Tensor backward(Tensor gradient) {
          events.add("backward " + index);
          return kept.backward(gradient);
        }

        @Override
        public void close() {
          kept.close();
        }
      };
    }
  }

  private static ZeroOptions options(int stage, boolean overlap, long prefetchElements) {
    return new ZeroOptions(
        ZeroStage.of(stage),
        Dtype.FP32,
        false,
        Optional.empty(),
        overlap,
        0,
        prefetchElements,
        Long.MAX_VALUE);
  }

  /** What rank 0 does in each of two steps of one micro-batch. */
  private static List<List<String>> steps(ZeroOptions options) {
    return LocalRanks.run(RANKS, communicator -> steps(options, communicator)).get(0);
  }

  private static List<List<String>> steps(ZeroOptions options, Communicator communicator)
      throws Exception {
    List<String> events = new ArrayList<>();
    try (PointerScope scope = new PointerScope();
        Model model = model();
        Optimizer optimizer = Optimizer.of(new OptimizerConfig.Lion(1e-3, 0.9, 0.99, 0))) {
      Communicator recording =
          new RecordingCommunicator(
              communicator, shard -> name(model, shard), events::add, message -> {});
      Device cpu = new Device("cpu");
      try (ShardedParameters parameters =
          new ShardedParameters(
              model, options, recording, cpu, GroupAssignment.SINGLE, optimizer)) {
        parameters.initialize(new ParameterInitializer(1)::fill);
        BlockWalker walker =
            new BlockWalker(model, parameters.blocks(), new Walks(model, events), cpu, recording);
        MicroBatch batch =
            new MicroBatch(torch.ones(3, WIDTHS[0]), torch.ones(3, WIDTHS[LAST + 1]), 3, 0);
        List<List<String>> steps = new ArrayList<>();
        for (int step = 1; step <= 2; step++) {
          Pass pass = new Pass(true, 1, step, 0);
          walker.forwardBackward(batch, pass, 1, true, true, new StepClock());
          events.add("border");
          parameters.finishGradients();
          parameters.step(optimizer, step, group -> new Rates(1e-3, 0.9, 0.99, 0), 1);
          parameters.publish();
          steps.add(List.copyOf(events));
          events.clear();
        }
        return steps;
      }
    }
  }

  /** ARCHITECTURE.md's first figure, with two buffers for all blocks in turn. */
  @Test
  void stage_3_gathers_the_next_block_and_sends_the_last_gradient_while_one_computes() {
    List<String> expected =
        List.of(
            "gather 0 leaves",
            "gather 0 is awaited",
            "gather 1 leaves",
            "forward 0",
            "gather 1 is awaited",
            "gather 2 leaves",
            "forward 1",
            "gather 2 is awaited",
            "gather 3 leaves",
            "forward 2",
            "gather 3 is awaited",
            "forward 3",
            // Blocks 3 and 2 still lie in their buffers.
            "backward 3",
            "reduce 3 leaves",
            "gather 1 leaves",
            "backward 2",
            "reduce 2 leaves",
            "gather 1 is awaited",
            "gather 0 leaves",
            "backward 1",
            "reduce 3 is awaited", // whose bucket block 1 needs
            "reduce 1 leaves",
            "gather 0 is awaited",
            "backward 0",
            "reduce 2 is awaited",
            "reduce 0 leaves",
            "border",
            "reduce 0 is awaited",
            "reduce 1 is awaited");
    for (List<String> step : steps(options(3, true, 1))) {
      assertEquals(expected, step);
    }
  }

  @Test
  void without_prefetch_and_overlap_everything_is_awaited_where_it_leaves() {
    List<String> expected =
        List.of(
            "gather 0 leaves",
            "gather 0 is awaited",
            "forward 0",
            "gather 1 leaves",
            "gather 1 is awaited",
            "forward 1",
            "gather 2 leaves",
            "gather 2 is awaited",
            "forward 2",
            "gather 3 leaves",
            "gather 3 is awaited",
            "forward 3",
            "backward 3",
            "reduce 3 leaves",
            "reduce 3 is awaited",
            "backward 2",
            "reduce 2 leaves",
            "reduce 2 is awaited",
            "gather 1 leaves",
            "gather 1 is awaited",
            "backward 1",
            "reduce 1 leaves",
            "reduce 1 is awaited",
            "gather 0 leaves",
            "gather 0 is awaited",
            "backward 0",
            "reduce 0 leaves",
            "reduce 0 is awaited",
            "border");
    for (List<String> step : steps(options(3, false, 0))) {
      assertEquals(expected, step);
    }
  }

  /** New values set out right after the update; a block waits for its own alone. */
  @Test
  void stages_1_and_2_refresh_behind_the_first_blocks_of_the_next_forward() {
    List<String> forward =
        List.of(
            "gather 0 is awaited",
            "forward 0",
            "gather 1 is awaited",
            "forward 1",
            "gather 2 is awaited",
            "forward 2",
            "gather 3 is awaited",
            "forward 3",
            "backward 3",
            "reduce 3 leaves",
            "backward 2",
            "reduce 2 leaves",
            "backward 1");
    List<String> refresh =
        List.of("gather 0 leaves", "gather 1 leaves", "gather 2 leaves", "gather 3 leaves");
    for (int stage : new int[] {1, 2}) {
      List<List<String>> steps = steps(options(stage, true, 1));
      List<String> first = steps.get(0);
      assertEquals(refresh, first.subList(first.size() - refresh.size(), first.size()));
      assertEquals(forward, steps.get(1).subList(0, forward.size()));
    }
  }

  @Test
  void at_stages_0_and_1_a_gradient_leaves_while_the_block_before_computes() {
    for (int stage : new int[] {0, 1}) {
      List<String> step = steps(options(stage, true, 1)).get(1);
      int backward = step.indexOf("backward 3");
      assertEquals(
          List.of(
              "backward 3",
              "reduce 3 leaves",
              "backward 2",
              "reduce 2 leaves",
              "backward 1",
              "reduce 1 leaves",
              "backward 0",
              "reduce 0 leaves",
              "border"),
          step.subList(backward, backward + 9));
    }
  }
}
