package io.kiln.engine.train;

import static io.kiln.engine.train.SmallTraining.TIED;
import static io.kiln.engine.train.SmallTraining.config;
import static io.kiln.engine.train.SmallTraining.model;
import static io.kiln.engine.train.SmallTraining.training;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.model.DenseBlock;
import io.kiln.engine.model.MeanSquaredError;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.ParameterInitializer;
import io.kiln.engine.optim.Optimizer;
import io.kiln.engine.optim.Slice;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.tensor.PointerBalance;
import io.kiln.engine.zero.GroupAssignment;
import io.kiln.engine.zero.ShardedParameters;
import io.kiln.engine.zero.ZeroOptions;
import io.kiln.engine.zero.ZeroStage;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What throws half way leaves no native memory, whoever catches it. */
class HalfBuiltTest {
  private static final String WORDS = "half way";

  /** Throws when it is called for the {@code n}-th time. */
  private static final class Fuse {
    private int left;

    Fuse(int n) {
      this.left = n;
    }

    void burn() {
      left--;
      if (left == 0) {
        throw new IllegalStateException(WORDS);
      }
    }
  }

  private record Failing(Fuse fuse) implements Optimizer {
    @Override
    public List<String> stateNames() {
      return List.of("first", "second");
    }

    @Override
    public double initialState() {
      fuse.burn();
      return 0;
    }

    @Override
    public void step(long step, List<Slice> slices, double gradientDivisor) {}
  }

  /** A fuse that is never burnt down. */
  private static Fuse endless() {
    return new Fuse(0);
  }

  private static void shards(
      Communicator communicator, int stage, Fuse states, Fuse groups, Fuse values)
      throws Exception {
    ZeroOptions options =
        new ZeroOptions(
            ZeroStage.of(stage),
            Dtype.BF16,
            true,
            Optional.of(Dtype.FP16),
            true,
            0,
            1,
            Long.MAX_VALUE);
    GroupAssignment assignment =
        (block, spec) -> {
          groups.burn();
          return 0;
        };
    ParameterInitializer initializer = new ParameterInitializer(1);
    try (Model model = model(TIED);
        Device cpu = new Device("cpu")) {
      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () -> {
                try (ShardedParameters parameters =
                    new ShardedParameters(
                        model, options, communicator, cpu, assignment, new Failing(states))) {
                  parameters.initialize(
                      (spec, begin, target) -> {
                        values.burn();
                        initializer.fill(spec, begin, target);
                      });
                }
              });
      assertEquals(WORDS, thrown.getMessage());
    }
  }

  private interface Body {
    void run(Communicator communicator) throws Exception;
  }

  private static void assertNothingLeft(Body body) {
    PointerBalance.assertKept(
        () ->
            LocalRanks.run(
                2,
                communicator -> {
                  body.run(communicator);
                  return null;
                }));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void an_allocation_that_throws_frees_what_was_allocated(int stage) {
    assertNothingLeft(c -> shards(c, stage, new Fuse(3), endless(), endless()));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void a_group_that_cannot_be_told_frees_what_was_allocated(int stage) {
    assertNothingLeft(c -> shards(c, stage, endless(), new Fuse(20), endless()));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void first_values_that_throw_are_freed_with_the_shards(int stage) {
    assertNothingLeft(c -> shards(c, stage, endless(), endless(), new Fuse(5)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void a_training_that_finds_no_memory_frees_what_it_found(int stage) {
    assertNothingLeft(
        communicator -> {
          try (Model endless =
              new Model(
                  List.of(
                      new DenseBlock(0, 8, 8, Optional.empty(), 0),
                      new DenseBlock(1, 8, 1L << 47, Optional.empty(), 0)),
                  new MeanSquaredError())) {
            ObjectNode config = config(stage, 1);
            config.withObject("/zero_optimization").put("stage3_param_persistence_threshold", 1);
            assertThrows(RuntimeException.class, () -> training(endless, config, communicator));
          }
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void a_training_whose_group_ends_at_its_first_values_frees_all(int stage) {
    assertNothingLeft(
        communicator -> {
          try (Model model = model(TIED)) {
            communicator.abort(WORDS);
            assertThrows(
                RuntimeException.class, () -> training(model, config(stage, 1), communicator));
          }
        });
  }
}
