package io.kiln.it.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class BenchmarkCommandTest {
  private static final Map<String, Supplier<Callable<Integer>>> BENCHMARKS =
      Map.of(
          "step", StepBenchmark::new,
          "curves", CurvesBenchmark::new,
          "collectives", CollectivesBenchmark::new,
          "spark", SparkBenchmark::new,
          "checkpoint", CheckpointBenchmark::new,
          "chaos", ChaosBenchmark::new);

  private record Told(int status, String out, String err) {}

  private static Told bench(String name, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = BenchmarkCommand.of(BENCHMARKS.get(name).get());
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return new Told(command.execute(arguments), out.toString(), err.toString());
  }

  private static void refused(Told told, String line) {
    assertEquals(2, told.status(), told.err());
    assertEquals(1, told.err().lines().count(), told.err());
    assertTrue(told.err().startsWith("kiln: "), told.err());
    assertTrue(told.err().contains(line), told.err());
  }

  @Test
  void every_benchmark_has_help() {
    for (String name : BENCHMARKS.keySet()) {
      Told told = bench(name, "--help");
      assertEquals(0, told.status(), name);
      assertTrue(told.out().startsWith("Usage: kiln bench " + name), told.out());
    }
  }

  @Test
  void chaos_kills_20_in_500_steps_if_not_told_otherwise() {
    String help = bench("chaos", "--help").out().replaceAll("\\s+", " ");
    assertTrue(help.contains("--kills=<kills> How many (default: 20)"), help);
    assertTrue(help.contains("Of the job (default: 25 a kill)"), help);
  }

  @Test
  void what_is_no_option_is_told_in_one_line() {
    for (String name : BENCHMARKS.keySet()) {
      refused(bench(name, "job.json", "--no-such-option"), "see kiln bench " + name + " --help");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "step | --shape=foo | no shape foo: choose from [nano, mid,",
        "step | --dtype=fp64 | no dtype fp64: choose from [fp32, bf16]",
        "step | --dtype=fp32,fp16 | no dtype fp16",
        "step | --stage=4 | --stage is 0 to 3",
        "step | --ranks=0 | --ranks is at least 1",
        "step | --threads=0 | --threads is at least 1",
        "step | --repetitions=0 | --repetitions is at least 1",
        "step | --repetitions=x | 'x' is not an int",
        "step | --seconds=0 | --seconds is more than 0",
        "step | --device=tpu | --device is cpu or cuda, not tpu",
        "step | --against=true | one --shape in one --dtype",
        "spark | --shape=foo | no shape foo",
        "spark | --rounds=2 | --rounds is at least 3",
        "spark | --seconds=0.5 | --seconds is at least 1",
        "spark | --below=0 | --below is more than 0",
        "spark | --repetitions=0 | --repetitions is at least 1",
        "checkpoint | --shape=foo | no shape foo",
        "checkpoint | --dtype=fp16 | no dtype fp16",
        "checkpoint | --every=0 | --every is at least 1",
        "checkpoint | --stage=-1 | --stage is 0 to 3",
        "checkpoint | --conf=a=b | spark.hadoop.",
        "collectives | --repetitions=0 | --repetitions is at least 1",
        "curves | absent.json | absent.json: there is no file absent.json",
        "chaos | absent.json | absent.json: there is no file absent.json",
        "chaos | --kills=0 | --kills is at least 1",
        "chaos | --interval=0 | --interval is at least 1",
        "chaos | --steps=40 | --steps is more than two a kill",
        "chaos | --set=training.checkpoint_dir=x | training.checkpoint_dir is --dir here",
        "chaos | --conf=a=b | spark.hadoop.",
        "checkpoint | --below=0 | --below is more than 0",
      })
  void a_value_that_cannot_be_used_is_told_in_one_line(String name, String option, String line) {
    refused(bench(name, option), line);
  }

  @Test
  void curves_of_a_job_without_a_global_batch_are_refused(@TempDir Path folder) throws Exception {
    Path job =
        Files.writeString(
            folder.resolve("job.json"),
            """
            {"model": {"model_type": "gpt2"}, "data": {"path": "x.txt"},
             "deepspeed": {"train_micro_batch_size_per_gpu": 6},
             "training": {"max_steps": 5}, "output_dir": "out"}
            """);
    refused(bench("curves", job.toString()), "deepspeed.train_batch_size: is needed");
  }
}
