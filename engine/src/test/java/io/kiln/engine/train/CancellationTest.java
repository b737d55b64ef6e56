package io.kiln.engine.train;

import static io.kiln.engine.train.SmallTraining.BATCH;
import static io.kiln.engine.train.SmallTraining.TIED;
import static io.kiln.engine.train.SmallTraining.TIME;
import static io.kiln.engine.train.SmallTraining.VOCABULARY;
import static io.kiln.engine.train.SmallTraining.config;
import static io.kiln.engine.train.SmallTraining.model;
import static io.kiln.engine.train.SmallTraining.training;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kiln.engine.LocalRanks;
import io.kiln.engine.comm.CommunicationException;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.model.Model;
import java.util.AbstractList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stages 0 to 2: nothing inside a micro-batch waits for anybody. */
class CancellationTest {
  /** The micro-batch that rank 0 is asked to end before. */
  private static final int END = 3;

  private static final int MANY = 8;

  /** Gives micro-batches, and has something done as the one with number {@code END} is fetched. */
  private static final class Asked {
    private final MicroBatch batch;
    private final Runnable ask;
    private int fetched;

    Asked(MicroBatch batch, Runnable ask) {
      this.batch = batch;
      this.ask = ask;
    }

    MicroBatch fetch() {
      fetched++;
      if (fetched == END) {
        ask.run();
      }
      return batch;
    }

    Iterator<MicroBatch> pass() {
      return Stream.generate(this::fetch).limit(MANY).iterator();
    }

    List<MicroBatch> step() {
      return new AbstractList<>() {
        @Override
        public MicroBatch get(int index) {
          return fetch();
        }

        @Override
        public int size() {
          return MANY;
        }
      };
    }
  }

  private record Evaluation(Asked asked) implements EvaluationSource {
    @Override
    public Iterator<MicroBatch> pass(long limit) {
      return asked.pass();
    }

    @Override
    public void close() {}
  }

  private record Step(Asked asked) implements BatchSource {
    @Override
    public List<MicroBatch> next(long step) {
      return asked.step();
    }

    @Override
    public long globalValidTargets(long step) {
      return 1;
    }

    @Override
    public void close() {}
  }

  /** Two ranks, of which one is asked to end; what both say. */
  private static List<String> endings(int stage, Consumer<Communicator> ask, boolean evaluates) {
    return LocalRanks.run(
        2,
        communicator -> {
          try (Model model = model(TIED);
              Training training = training(model, config(stage, MANY), communicator);
              RandomTokens rows = new RandomTokens(communicator, BATCH, 1, TIME, VOCABULARY)) {
            boolean first = communicator.rank() == 0;
            Asked asked =
                new Asked(rows.next(1).get(0), first ? () -> ask.accept(communicator) : () -> {});
            String line =
                assertThrows(
                        CommunicationException.class,
                        () -> {
                          if (evaluates) {
                            training.evaluate(new Evaluation(asked), Long.MAX_VALUE);
                          } else {
                            training.step(new Step(asked));
                          }
                        })
                    .getMessage();
            if (first) {
              assertEquals(END, asked.fetched, "micro-batches fetched");
            }
            return line;
          }
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void a_rank_that_is_told_to_end_does_no_further_micro_batch_of_an_evaluation(int stage) {
    for (String line : endings(stage, c -> c.abort("the job was cancelled"), true)) {
      assertTrue(line.contains("rank 0 aborted: the job was cancelled"), line);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void nor_of_a_step(int stage) {
    for (String line : endings(stage, c -> c.abort("the job was cancelled"), false)) {
      assertTrue(line.contains("rank 0 aborted: the job was cancelled"), line);
    }
  }

  @Test
  void an_interrupted_rank_ends_and_tells_the_others() {
    for (boolean evaluates : new boolean[] {true, false}) {
      for (String line : endings(2, c -> Thread.currentThread().interrupt(), evaluates)) {
        assertTrue(line.contains("rank 0 aborted: interrupted"), line);
      }
    }
  }
}
