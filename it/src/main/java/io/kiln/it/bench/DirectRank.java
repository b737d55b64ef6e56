package io.kiln.it.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.datasource.DataSection;
import io.kiln.datasource.packing.DataPlan;
import io.kiln.datasource.packing.Split;
import io.kiln.datasource.packing.TokenSamples;
import io.kiln.datasource.packing.TokenWidth;
import io.kiln.datasource.rank.RankSamples;
import io.kiln.datasource.rank.SampleStorage;
import io.kiln.datasource.tokenizer.CharacterTokenizer;
import io.kiln.engine.comm.Communicator;
import io.kiln.engine.config.AutoValues;
import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;
import io.kiln.engine.model.family.DataSizes;
import io.kiln.engine.model.family.ModelFamilies;
import io.kiln.engine.train.BatchSource;
import io.kiln.engine.train.StepReport;
import io.kiln.engine.train.Training;
import io.kiln.engine.train.TrainingPlan;
import io.kiln.spark.job.Job;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.bytedeco.pytorch.global.torch;

/**
 * One rank of a job file's training without Spark: the same engine, the same samples, started as a
 * plain process. The corpus is one text file, the tokenizer that of its characters.
 */
public final class DirectRank {
  private static final ObjectMapper JSON = new ObjectMapper();

  private DirectRank() {}

  /** Rank, number of ranks, job file, overrides. */
  public static void main(String[] arguments) throws Exception {
    RankLink link = new RankLink(arguments);
    Job job = Job.read(Path.of(arguments[2]), List.of(arguments).subList(3, arguments.length));
    torch.set_num_threads(1);
    link.meet(Duration.ofSeconds(60), communicator -> train(link, job, communicator));
  }

  private static void train(RankLink link, Job job, Communicator communicator) throws Exception {
    DataSection data = job.data();
    String text = Files.readString(Path.of(data.path().get(0)));
    CharacterTokenizer tokenizer = CharacterTokenizer.of(text);
    int[] tokens = tokenizer.encode(text);
    int length = data.sequenceLength().orElseThrow();
    long steps = job.training().maxSteps().orElseThrow();
    DeepSpeedConfig config =
        DeepSpeedConfig.parse(
            job.deepspeed(), link.ranks(), AutoValues.defaults().withTotalSteps(steps));
    DataPlan plan =
        DataPlan.of(
            new TokenSamples(length, TokenWidth.of(tokenizer.vocabularySize())),
            Split.of(tokens.length, data.validationFraction()),
            config.batch().global(),
            config.batch().micro(),
            link.ranks(),
            job.training().seed(),
            data.shuffle());
    try (RankSamples samples =
            RankSamples.ofTokens(plan, link.rank(), tokens, SampleStorage.inMemory());
        BatchSource source = samples.batches(1, 2);
        Model model =
            ModelFamilies.parse(
                    "model", job.model(), DataSizes.ofTokens(tokenizer.vocabularySize()))
                .model();
        Training training =
            new Training(
                new TrainingPlan(model, config, job.training().seed(), "cpu"), communicator)) {
      while (training.steps() < steps) {
        StepReport report = training.step(source);
        if (link.rank() == 0) {
          link.report(JSON.createObjectNode().put("wall_ms", report.times().wall()).toString());
        }
      }
    }
  }
}
