package io.kiln.it.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.tensor.Dtype;
import io.kiln.engine.train.MemoryReport;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;

/**
 * One rank of {@link StepBenchmark}: has the floor and every stage ready in one process and runs
 * them in turn, a few steps each, so that what the machine does meanwhile falls on all alike.
 */
public final class StepRank {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RankLink link;
  private final StepPlan plan;
  private final Communicator communicator;

  private StepRank(RankLink link, StepPlan plan, Communicator communicator) {
    this.link = link;
    this.plan = plan;
    this.communicator = communicator;
  }

  /** Called in a process of its own. */
  public static void main(String[] arguments) throws Exception {
    RankLink link = new RankLink(arguments);
    StepPlan plan = JSON.readValue(arguments[2], StepPlan.class);
    torch.set_num_threads(plan.threads());
    link.meet(
        Duration.ofSeconds(60),
        communicator -> {
          try (PointerScope scope = new PointerScope()) {
            new StepRank(link, plan, communicator).run();
          }
        });
  }

  /** Something that is timed step by step. */
  private interface Contender extends AutoCloseable {
    String name();

    double step();

    @Override
    void close();
  }

  private void run() throws Exception {
    for (String shapeName : plan.shapes()) {
      GptShape shape = GptShape.named(shapeName);
      for (Dtype dtype : plan.dtypes()) {
        communicator.barrier();
        double limit = ProductsLimit.millis(shape, dtype, plan.device());
        List<Contender> contenders = new ArrayList<>();
        try (StepTokens tokens = new StepTokens(shape, 1, link.rank(), link.ranks())) {
          contenders.add(floor(shape, dtype, tokens));
          for (int stage : plan.stages()) {
            contenders.add(stage(shape, dtype, stage, tokens));
          }
          measure(shape, dtype, contenders);
        } finally {
          contenders.forEach(Contender::close);
        }
        communicator.barrier();
        limit = Math.min(limit, ProductsLimit.millis(shape, dtype, plan.device()));
        link.report(report("limit", shape, dtype, "products").put("ms", limit).toString());
      }
    }
  }

  private void measure(GptShape shape, Dtype dtype, List<Contender> contenders) {
    int steps = plan.steps(shape);
    for (Contender contender : contenders) {
      for (int i = 0; i < steps; i++) {
        contender.step();
      }
    }
    for (int repetition = 0; repetition < plan.repetitions(); repetition++) {
      if (plan.against()) {
        pause(shape, dtype, repetition);
      }
      for (Contender contender : contenders) {
        communicator.barrier();
        long waited = communicator.waitNanos();
        double[] millis = new double[steps];
        double loss = 0;
        for (int i = 0; i < steps; i++) {
          long start = System.nanoTime();
          loss = contender.step();
          awaitDevice();
          millis[i] = (System.nanoTime() - start) / 1e6;
        }
        ObjectNode report = report("steps", shape, dtype, contender.name());
        ArrayNode values = report.putArray("ms");
        for (double value : millis) {
          values.add(value);
        }
        report.put("wait", (communicator.waitNanos() - waited) / 1e6 / steps);
        link.report(report.put("repetition", repetition).put("loss", loss).toString());
      }
      // Whoever comes first after a switch finds cold caches: let everybody be first once.
      Collections.rotate(contenders, 1);
    }
  }

  /** All ranks stand still and compute nothing until rank 0's report of it has been heard. */
  private void pause(GptShape shape, Dtype dtype, int repetition) {
    if (link.rank() == 0) {
      link.report(
          report("pause", shape, dtype, "against").put("repetition", repetition).toString());
    }
    link.allGather("");
  }

  /** A GPU is still at work when a call returns. */
  private void awaitDevice() {
    if (!plan.device().equals("cpu")) {
      torch.cuda_synchronize();
    }
  }

  private ObjectNode report(String kind, GptShape shape, Dtype dtype, String name) {
    return JSON.createObjectNode()
        .put("kind", kind)
        .put("shape", shape.name())
        .put("dtype", dtype.label())
        .put("name", name);
  }

  private Contender floor(GptShape shape, Dtype dtype, StepTokens tokens) {
    FloorLoop loop = new FloorLoop(shape, dtype, plan.device());
    return new Contender() {
      @Override
      public String name() {
        return StepPlan.FLOOR;
      }

      @Override
      public double step() {
        return loop.step(tokens.first().inputs(), tokens.first().targets());
      }

      @Override
      public void close() {
        loop.close();
      }
    };
  }

  private Contender stage(GptShape shape, Dtype dtype, int stage, StepTokens tokens)
      throws JsonProcessingException {
    Model model =
        ModelFamilies.parse("model", JSON.readTree(shape.huggingFaceConfig()), DataSizes.unknown())
            .model();
    DeepSpeedConfig config =
        DeepSpeedConfig.parse(
            JSON.readTree(StepPlan.deepSpeedConfig(shape, dtype, stage)), link.ranks());
    Training training =
        new Training(new TrainingPlan(model, config, 1, plan.device()), communicator);
    ObjectNode memory = report("memory", shape, dtype, StepPlan.stage(stage));
    MemoryReport held = training.memory().with("ring", communicator.ringBytes());
    memory.set("held", JSON.valueToTree(held.bytes()));
    link.report(memory.put("stage", stage).toString());
    return new Contender() {
      @Override
      public String name() {
        return StepPlan.stage(stage);
      }

      @Override
      public double step() {
        return training.step(tokens).loss();
      }

      @Override
      public void close() {
        training.close();
        model.close();
      }
    };
  }
}
