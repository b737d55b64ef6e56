package io.kiln.engine.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.kiln.engine.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeepSpeedConfigTest {
  private static DeepSpeedConfig parse(String json, int ranks, AutoValues auto) {
    try {
      return DeepSpeedConfig.parse(new ObjectMapper().readTree(json), ranks, auto);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static DeepSpeedConfig parse(String json) {
    return parse(json, 2, AutoValues.defaults());
  }

  /** A configuration that only lacks the given members. */
  private static DeepSpeedConfig with(String members) {
    return parse("{\"train_batch_size\": 8, " + members + "}");
  }

  private static String messageOf(String members) {
    String message = assertThrows(ConfigException.class, () -> with(members)).getMessage();
    assertFalse(message.contains("\n"), message);
    return message;
  }

  @Test
  void a_whole_configuration_file() throws IOException {
    DeepSpeedConfig config =
        parse(
            """
            {
              "train_batch_size": 64,
              "train_micro_batch_size_per_gpu": 4,
              "gradient_accumulation_steps": 8,
              "steps_per_print": 2000,
              "optimizer": {
                "type": "Adam",
                "params": {"lr": 3e-4, "betas": [0.8, 0.99], "eps": "1e-7", "weight_decay": 3e-7}
              },
              "scheduler": {
                "type": "WarmupDecayLR",
                "params": {"total_num_steps": 5000, "warmup_min_lr": 1e-6, "warmup_max_lr": 3e-4,
                           "warmup_num_steps": 500, "warmup_type": "linear"}
              },
              "gradient_clipping": 0.5,
              "prescale_gradients": true,
              "gradient_predivide_factor": 2.0,
              "communication_data_type": "fp32",
              "fp16": {"enabled": true, "auto_cast": false, "loss_scale": 0,
                       "initial_scale_power": 15, "loss_scale_window": 500, "hysteresis": 3,
                       "consecutive_hysteresis": true, "min_loss_scale": 2},
              "bf16": {"enabled": false},
              "wall_clock_breakdown": true,
              "zero_optimization": {
                "stage": 3, "overlap_comm": false, "contiguous_gradients": true,
                "reduce_bucket_size": 5e7, "allgather_bucket_size": 2e8,
                "stage3_prefetch_bucket_size": 1e7, "stage3_param_persistence_threshold": 1e4,
                "stage3_max_live_parameters": 1e8, "sub_group_size": 1e9,
                "stage3_gather_16bit_weights_on_model_save": true,
                "offload_optimizer": {"device": "none"}, "offload_param": {"device": "none"}
              },
              "flops_profiler": {"enabled": false, "profile_step": 1},
              "tensorboard": {"enabled": false, "output_path": "x"},
              "activation_checkpointing": {"partition_activations": false,
                                           "number_checkpoints": null},
              "compression_training": {"weight_quantization": {"shared_parameters":
                                       {"enabled": false, "schedule_offset": 50}}},
              "elasticity": {"enabled": false}
            }
            """);
    assertEquals(new BatchSizes(64, 4, 8), config.batch());
    assertEquals(
        new OptimizerConfig.Adam(3e-4, 0.8, 0.99, 1e-7, 3e-7, true, true), config.optimizer());
    assertEquals(ParameterGroupsConfig.none(), config.groups());
    assertEquals(
        new SchedulerConfig.WarmupDecay(
            5000, 1e-6, OptionalDouble.of(3e-4), 500, SchedulerConfig.WarmupType.LINEAR),
        config.scheduler());
    assertEquals(0.5, config.gradientClipping());
    assertEquals(
        new PrecisionConfig(Dtype.FP16, new LossScaleConfig.Dynamic(32768, 500, 2, 3, true)),
        config.precision());
    assertEquals(
        new ZeroConfig(3, 50_000_000, 200_000_000, false, 10_000_000, 10_000, 100_000_000),
        config.zero());
    assertEquals(new CommunicationConfig(true, 2, Optional.of(Dtype.FP32)), config.communication());
    assertEquals(OptionalLong.of(2000), config.stepsPerPrint());
    assertTrue(config.wallClockBreakdown());
    assertEquals(
        List.of(
            "reduce_bucket_size",
            "allgather_bucket_size",
            "stage3_prefetch_bucket_size",
            "stage3_max_live_parameters"),
        config.notes().stream()
            .map(
                note ->
                    note.substring(note.lastIndexOf('.', note.indexOf(' ')) + 1, note.indexOf(' ')))
            .toList());
  }

  @Test
  void defaults_are_deepspeeds_but_for_the_free_overlap() {
    DeepSpeedConfig config = parse("{\"train_micro_batch_size_per_gpu\": 3}");
    assertEquals(new BatchSizes(6, 3, 1), config.batch());
    assertEquals(
        new OptimizerConfig.Adam(5e-5, 0.9, 0.999, 1e-8, 0, true, true), config.optimizer());
    assertEquals(new SchedulerConfig.Constant(OptionalDouble.empty(), 0), config.scheduler());
    assertEquals(1, config.gradientClipping());
    assertEquals(
        new PrecisionConfig(Dtype.FP32, new LossScaleConfig.None(false)), config.precision());
    assertEquals(
        new ZeroConfig(0, 500_000_000, 500_000_000, true, 50_000_000, 100_000, 1_000_000_000),
        config.zero());
    assertEquals(1, with("\"zero_optimization\": true").zero().stage());
    assertEquals(
        new PrecisionConfig(Dtype.BF16, new LossScaleConfig.None(true)),
        with("\"bf16\": {\"enabled\": true}").precision());
    assertEquals(
        new LossScaleConfig.Dynamic(65536, 1000, 1, 2, false),
        with("\"fp16\": {\"enabled\": true}").precision().lossScale());
    assertEquals(
        new LossScaleConfig.Static(128),
        with("\"fp16\": {\"enabled\": true, \"loss_scale\": 128, \"min_loss_scale\": 0}")
            .precision()
            .lossScale());
  }

  @Test
  void auto_stands_for_what_the_run_knows() {
    AutoValues auto =
        new AutoValues(
            5e-5,
            0.9,
            0.999,
            1e-8,
            0,
            0,
            OptionalLong.of(700),
            8,
            1,
            1,
            Dtype.BF16,
            OptionalInt.of(10));
    DeepSpeedConfig config =
        parse(
            """
            {"train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto",
             "gradient_accumulation_steps": "auto", "gradient_clipping": "auto",
             "optimizer": {"type": "AdamW", "params": {"lr": "auto", "betas": "auto",
                           "eps": "auto", "weight_decay": "auto"}},
             "scheduler": {"type": "WarmupDecayLR", "params": {"warmup_min_lr": "auto",
                           "warmup_max_lr": "auto", "warmup_num_steps": "auto",
                           "total_num_steps": "auto"}},
             "fp16": {"enabled": "auto", "loss_scale_window": "auto"},
             "bf16": {"enabled": "auto"},
             "zero_optimization": {"stage": 2, "overlap_comm": "auto",
                 "reduce_bucket_size": "auto", "stage3_prefetch_bucket_size": "auto",
                 "stage3_param_persistence_threshold": "auto"}}
            """,
            2,
            auto);
    assertEquals(new BatchSizes(16, 8, 1), config.batch());
    assertEquals(1, config.gradientClipping());
    assertEquals(
        new OptimizerConfig.Adam(5e-5, 0.9, 0.999, 1e-8, 0, true, true), config.optimizer());
    assertEquals(
        new SchedulerConfig.WarmupDecay(
            700, 0, OptionalDouble.empty(), 1, SchedulerConfig.WarmupType.LOG),
        config.scheduler());
    assertEquals(Dtype.BF16, config.precision().dtype());
    assertEquals(100, config.zero().reduceBucketSize());
    assertEquals(90, config.zero().prefetchBucketSize());
    assertEquals(100, config.zero().parameterPersistenceThreshold());
    assertEquals(
        new BatchSizes(64, 16, 2),
        parse(
                "{\"train_batch_size\": 64, \"train_micro_batch_size_per_gpu\": \"auto\", \"gradient_accumulation_steps\": 2}",
                2,
                auto)
            .batch());
    assertEquals(
        "deepspeed.scheduler.params.total_num_steps: the steps of the run are not known here:"
            + " write a number",
        messageOf(
            "\"scheduler\": {\"type\": \"WarmupDecayLR\", \"params\": {\"total_num_steps\": \"auto\"}}"));
  }

  @Test
  void adam_means_adamw_unless_it_is_told_otherwise() {
    assertEquals(
        new OptimizerConfig.Adam(1e-3, 0.9, 0.999, 1e-8, 0, true, true), optimizer("Adam", ""));
    assertEquals(
        new OptimizerConfig.Adam(1e-3, 0.9, 0.999, 1e-8, 0.1, false, false),
        optimizer(
            "adam", "\"adam_w_mode\": false, \"bias_correction\": false, \"weight_decay\": 0.1"));
    assertEquals(
        new OptimizerConfig.Adam(1e-3, 0.9, 0.999, 1e-8, 0, true, true),
        optimizer("ADAMW", "\"adam_w_mode\": false"));
    // torch.optim.AdamW decays by 0.01 where nothing is said; torch.optim.Adam does not.
    assertEquals(
        new OptimizerConfig.Adam(1e-3, 0.9, 0.999, 1e-8, 0.01, true, true),
        optimizer("Adam", "\"torch_adam\": true"));
    assertEquals(
        new OptimizerConfig.Adam(1e-3, 0.9, 0.999, 1e-8, 0, false, true),
        optimizer("Adam", "\"torch_adam\": true, \"adam_w_mode\": false"));
  }

  @Test
  void other_optimizers_with_their_defaults() {
    assertEquals(new OptimizerConfig.Sgd(1e-3, 0, 0, 0, false), optimizer("SGD", ""));
    assertEquals(
        new OptimizerConfig.Sgd(0.1, 0.9, 0, 1e-4, true),
        optimizer(
            "SGD", "\"lr\": 0.1, \"momentum\": 0.9, \"weight_decay\": 1e-4, \"nesterov\": true"));
    assertEquals(new OptimizerConfig.Lion(1e-3, 0.9, 0.999, 0), optimizer("Lion", ""));
    assertEquals(new OptimizerConfig.Adagrad(1e-2, 0, 1e-10, 0, 0), optimizer("Adagrad", ""));
  }

  private static OptimizerConfig optimizer(String type, String params) {
    return with("\"optimizer\": {\"type\": \"%s\", \"params\": {%s}}".formatted(type, params))
        .optimizer();
  }

  @Test
  void groups_by_name_and_depth() {
    ParameterGroupsConfig groups =
        with("""
                "optimizer": {"type": "AdamW", "params": {"lr": 1e-3, "layer_decay": 0.9, "groups": [
                  {"pattern": ["*.bias", "transformer.ln_?.weight"], "weight_decay": 0},
                  {"regex": "w[tp]e", "lr": 2e-3},
                  {"pattern": "*", "lr_scale": 0.5}]}}
                """)
            .groups();
    assertEquals(0.9, groups.layerDecay());
    assertEquals(
        List.of(1.0, 2.0, 0.5),
        groups.rules().stream().map(GroupRule::learningRateFactor).toList());
    assertEquals(OptionalDouble.of(0), groups.rules().get(0).weightDecay());
    assertEquals(OptionalDouble.empty(), groups.rules().get(1).weightDecay());
    assertTrue(groups.rules().get(0).matches("transformer.h.0.attn.c_attn.bias"));
    assertTrue(groups.rules().get(0).matches("transformer.ln_f.weight"));
    assertFalse(groups.rules().get(0).matches("transformer.h.0.ln_1.weight"));
    assertTrue(groups.rules().get(1).matches("transformer.wpe.weight"));
  }

  private static final List<String> NAMES =
      List.of(
          "transformer.wte.weight",
          "transformer.wpe.weight",
          "transformer.h.0.attn.c_attn.weight",
          "transformer.h.0.attn.c_attn.bias",
          "transformer.h.0.ln_1.weight",
          "transformer.ln_f.bias");

  private static List<String> groups(String... groups) {
    return with("\"optimizer\": {\"type\": \"AdamW\", \"params\": {\"groups\": [%s]}}"
            .formatted(String.join(", ", groups)))
        .groups()
        .requireMatches(NAMES);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{\"pattern\": \"*.biass\"} | \"*.biass\" matches no parameter of the model, which has"
            + " transformer.h.0.attn.c_attn.bias, transformer.ln_f.bias",
        "{\"pattern\": \"transformer.wtee.*\"} | \"transformer.wtee.*\" matches no parameter of"
            + " the model, which has transformer.wte.weight",
        "{\"regex\": \"attn\\\\.c_atn\"} | \"attn\\.c_atn\" matches no parameter of the model,"
            + " which has transformer.h.0.attn.c_attn.weight, transformer.h.0.attn.c_attn.bias",
        // Nothing is like it: the first ones.
        "{\"pattern\": \"*qqqqqqqq*\"} | \"*qqqqqqqq*\" matches no parameter of the model, which"
            + " has transformer.wte.weight, transformer.wpe.weight,"
            + " transformer.h.0.attn.c_attn.weight",
      })
  void a_group_that_matches_no_parameter_is_refused_with_the_nearest_names(
      String group, String message) {
    assertEquals(
        "deepspeed.optimizer.params.groups[1]: "
            + message
            + ", …: mend the name or remove the group",
        assertThrows(ConfigException.class, () -> groups("{\"pattern\": \"*\", \"lr\": 0}", group))
            .getMessage());
  }

  @Test
  void an_expression_without_effect_in_a_group_that_has_one_is_told() {
    assertEquals(List.of(), groups("{\"pattern\": [\"*.bias\", \"*.ln_*\"]}"));
    // What is written for several models: this one has no norm.
    List<String> told = groups("{\"pattern\": [\"*.bias\", \"*.norm.weight\"]}");
    assertEquals(1, told.size(), told.toString());
    assertTrue(
        told.get(0)
            .startsWith(
                "deepspeed.optimizer.params.groups[0]: \"*.norm.weight\" matches no parameter"),
        told.get(0));
  }

  @Test
  void schedulers_with_deepspeeds_defaults() {
    assertEquals(
        new SchedulerConfig.Warmup(0, OptionalDouble.empty(), 1000, SchedulerConfig.WarmupType.LOG),
        scheduler("WarmupLR", ""));
    assertEquals(
        new SchedulerConfig.WarmupDecay(
            9, 0, OptionalDouble.of(1e-3), 1000, SchedulerConfig.WarmupType.LOG),
        scheduler("WarmupDecayLR", "\"total_num_steps\": 9"));
    assertEquals(
        new SchedulerConfig.Warmup(0, OptionalDouble.empty(), 0, SchedulerConfig.WarmupType.LOG),
        scheduler("WarmupLR", "\"warmup_num_steps\": 0"));
    assertEquals(
        new SchedulerConfig.WarmupCosine(9, 0, 1000, 1e-4, SchedulerConfig.WarmupType.LOG),
        scheduler("WarmupCosineLR", "\"total_num_steps\": 9"));
    assertEquals(
        new SchedulerConfig.OneCycle(1e-4, 1e-3, 0, 2000, 2000, 0, 0, 0, true, 0.8, 0.9, 0),
        scheduler("OneCycle", "\"cycle_min_lr\": 1e-4, \"cycle_max_lr\": 1e-3"));
    assertEquals(new SchedulerConfig.RangeTest(1e-3, 2000, 1, false), scheduler("LRRangeTest", ""));
    assertEquals(
        new SchedulerConfig.Cosine(OptionalDouble.empty(), 1e-4, 100, 2000, 1),
        scheduler(
            "cosine", "\"min_lr\": 1e-4, \"warmup_num_steps\": 100, \"total_num_steps\": 2e3"));
  }

  @Test
  void a_schedule_may_be_all_warm_up_or_longer_than_a_run_that_says_no_total() {
    assertEquals(
        new SchedulerConfig.Linear(OptionalDouble.empty(), 0, 10, 10),
        scheduler("linear", "\"warmup_num_steps\": 10, \"total_num_steps\": 10"));
    // A short trial of a job: the run ends within the warm-up.
    for (String total : List.of("", ", \"total_num_steps\": \"auto\"")) {
      assertEquals(
          new SchedulerConfig.Linear(OptionalDouble.empty(), 0, 100, 5),
          parse(
                  "{\"train_batch_size\": 8, \"scheduler\": {\"type\": \"linear\", \"params\":"
                      + " {\"warmup_num_steps\": 100%s}}}".formatted(total),
                  1,
                  AutoValues.defaults().withTotalSteps(5))
              .scheduler());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"linear", "cosine", "polynomial"})
  void a_warm_up_that_climbs_past_the_end_is_refused(String type) {
    String message =
        messageOf(
            "\"scheduler\": {\"type\": \"%s\", \"params\": {\"warmup_num_steps\": 11,"
                    .formatted(type)
                + " \"total_num_steps\": 10}}");
    assertTrue(message.contains("warmup_num_steps: 11 is more than total_num_steps, 10"), message);
  }

  private static SchedulerConfig scheduler(String type, String params) {
    return with("\"scheduler\": {\"type\": \"%s\", \"params\": {%s}}".formatted(type, params))
        .scheduler();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "\"train_batchsize\": 8 | deepspeed: unknown key \"train_batchsize\": did you mean"
            + " \"train_batch_size\"?",
        "\"zero_optimization\": {\"stge\": 1} | deepspeed.zero_optimization: unknown key \"stge\":"
            + " did you mean \"stage\"?",
        "\"zero_optimization\": {\"stage\": 4} | deepspeed.zero_optimization.stage: must be 0, 1, 2"
            + " or 3, not 4",
        "\"optimizer\": {\"type\": \"AdmW\"} | deepspeed.optimizer.type: there is no optimizer"
            + " \"AdmW\": did you mean \"AdamW\"?",
        "\"optimizer\": {\"type\": \"Lamb\"} | deepspeed.optimizer.type: Lamb is not supported by"
            + " Kiln yet: use one of Adam, AdamW, SGD, Lion, Adagrad",
        "\"optimizer\": {\"type\": \"Lion\", \"params\": {\"momentum\": 1}} |"
            + " deepspeed.optimizer.params: unknown key \"momentum\": known here are betas, groups,"
            + " layer_decay, lr, max_grad_norm, set_grad_none, weight_decay",
        "\"optimizer\": {\"type\": \"AdamW\", \"params\": {\"betas\": [0.9, 1.0]}} |"
            + " deepspeed.optimizer.params.betas: must be two numbers from 0 to below 1, not [0.9,"
            + " 1.0]",
        "\"optimizer\": {\"type\": \"AdamW\", \"params\": {\"amsgrad\": true}} |"
            + " deepspeed.optimizer.params.amsgrad: is not supported by Kiln yet: remove it",
        "\"optimizer\": {\"type\": \"AdamW\", \"params\": {\"max_grad_norm\": 1}} |"
            + " deepspeed.optimizer.params.max_grad_norm: is no parameter of an optimizer: use the"
            + " key gradient_clipping",
        "\"optimizer\": {\"type\": \"AdamW\", \"params\": {\"groups\": [{\"lr\": 1}]}} |"
            + " deepspeed.optimizer.params.groups[0]: needs \"pattern\" (with * and ?) or \"regex\""
            + " for the names it holds for",
        "\"scheduler\": {\"type\": \"WarmupLR\", \"params\": {\"warmup_type\": \"exp\"}} |"
            + " deepspeed.scheduler.params.warmup_type: there is no \"exp\": use one of log,"
            + " linear",
        "\"scheduler\": {\"type\": \"StepLR\"} | deepspeed.scheduler.type: StepLR is not supported"
            + " by Kiln yet: use one of WarmupLR, WarmupDecayLR, WarmupCosineLR, OneCycle,"
            + " LRRangeTest, constant, linear, cosine, polynomial, exponential",
        "\"scheduler\": {\"type\": \"WarmupCosineLR\"} | deepspeed.scheduler.params: needs the key"
            + " \"total_num_steps\" (\"auto\": the steps of the run)",
        "\"fp16\": {\"enabled\": true}, \"bf16\": {\"enabled\": true} | deepspeed: fp16 and bf16"
            + " are both enabled: disable one",
        "\"fp16\": {\"enabled\": true, \"auto_cast\": true} | deepspeed.fp16.auto_cast: DeepSpeed's"
            + " auto_cast is not supported by Kiln yet: remove it",
        "\"fp16\": {\"enabled\": true, \"min_loss_scale\": 0} | deepspeed.fp16.min_loss_scale: must"
            + " be at least 1, not 0",
        "\"fp16\": {\"enabled\": true, \"initial_scale_power\": 3000} |"
            + " deepspeed.fp16.initial_scale_power: must be at most 127 (2^3000 is infinity in"
            + " fp32), not 3000",
        "\"fp16\": {\"enabled\": true, \"loss_scale\": 1e39} | deepspeed.fp16.loss_scale: 1.0E39"
            + " is not in fp32's range: write a power of two up to 2^127, or 0 for a scale that"
            + " adapts",
        "\"fp16\": {\"enabled\": true, \"loss_scale\": \"Infinity\"} | deepspeed.fp16.loss_scale:"
            + " must be a number, not \"Infinity\"",
        "\"fp16\": {\"enabled\": true, \"loss_scale\": -8} | deepspeed.fp16.loss_scale: must be at"
            + " least 0, not -8",
        "\"scheduler\": {\"type\": \"linear\", \"params\": {\"warmup_num_steps\": 11,"
            + " \"total_num_steps\": 10}} | deepspeed.scheduler.params.warmup_num_steps: 11 is more"
            + " than total_num_steps, 10: lower it or raise that",
        "\"frobnicate\": 1 | deepspeed: unknown key \"frobnicate\": remove it (docs/jobs.md lists"
            + " the known ones)",
        "\"communication_data_type\": \"fp8\" | deepspeed.communication_data_type: there is no"
            + " \"fp8\": did you mean \"fp16\"?",
        "\"gradient_clipping\": -1 | deepspeed.gradient_clipping: must be at least 0, not -1",
        "\"zero_optimization\": {\"offload_optimizer\": {\"device\": \"cpu\"}} |"
            + " deepspeed.zero_optimization.offload_optimizer: DeepSpeed's offload_optimizer is not"
            + " supported by Kiln yet: remove it",
      })
  void errors_say_where_what_and_the_mend(String members, String message) {
    assertEquals(message, messageOf(members));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"flops_profiler\": {\"enabled\": true}",
        "\"activation_checkpointing\": {\"partition_activations\": true}",
        "\"tensorboard\": {\"enabled\": true}",
        "\"compression_training\": {\"sparse_pruning\": {\"shared_parameters\": {\"enabled\": true}}}",
        "\"curriculum_learning\": {\"enabled\": true}",
        "\"sparse_attention\": {\"mode\": \"fixed\"}",
        "\"amp\": {\"enabled\": \"auto\"}",
        "\"checkpoint\": {\"load_universal\": true}",
        "\"gradient_allreduce_op\": \"sum\"",
        "\"data_types\": {\"grad_accum_dtype\": \"bf16\"}",
        "\"zero_optimization\": {\"zero_quantized_weights\": true}",
        "\"zero_optimization\": {\"zero_hpz_partition_size\": 2}",
        "\"zero_optimization\": {\"offload_param\": {\"device\": \"nvme\"}}",
      })
  void what_deepspeed_knows_and_kiln_does_not_is_refused_by_name(String members) {
    String message = messageOf(members);
    assertTrue(message.contains("is not supported by Kiln yet: remove it"), message);
  }

  @Test
  void what_changes_nothing_is_noted() {
    assertEquals(
        List.of(
            "deepspeed.zero_optimization.round_robin_gradients has no effect in Kiln",
            "deepspeed.zero_optimization.sub_group_size has no effect in Kiln",
            "deepspeed.aio has no effect in Kiln"),
        with("\"aio\": {\"block_size\": 1048576}, \"zero_allow_untested_optimizer\": true,"
                + "\"zero_optimization\": {\"round_robin_gradients\": true, \"sub_group_size\": 1e6}")
            .notes());
  }

  private static List<String> notesOf(String zero) {
    return with("\"zero_optimization\": {" + zero + "}").notes();
  }

  @Test
  void a_number_that_is_a_switch_here_is_noted_where_it_is_given() {
    assertEquals(List.of(), notesOf("\"stage\": 3"));
    assertEquals(
        List.of(),
        notesOf(
            "\"stage\": 3, \"stage3_prefetch_bucket_size\": \"auto\","
                + " \"stage3_max_live_parameters\": \"auto\""));
    // 0 gathers nothing ahead, in DeepSpeed and here.
    assertEquals(List.of(), notesOf("\"stage\": 3, \"stage3_prefetch_bucket_size\": 0"));
    // Below stage 3 nothing is gathered, in DeepSpeed and here.
    assertEquals(
        List.of(),
        notesOf(
            "\"stage\": 2, \"stage3_prefetch_bucket_size\": 7,"
                + " \"stage3_max_live_parameters\": 7"));
    List<String> notes =
        notesOf("\"stage\": 3, \"prefetch_bucket_size\": 7, \"stage3_max_live_parameters\": 7");
    assertEquals(2, notes.size(), notes.toString());
    assertTrue(
        notes
            .get(0)
            .startsWith("deepspeed.zero_optimization.prefetch_bucket_size is a switch in Kiln"),
        notes.get(0));
    assertTrue(
        notes.get(1).startsWith("deepspeed.zero_optimization.stage3_max_live_parameters chooses"),
        notes.get(1));
  }

  @Test
  void gradients_that_are_not_to_be_contiguous_are_noted() {
    assertEquals(List.of(), notesOf("\"contiguous_gradients\": true"));
    assertEquals(
        List.of("deepspeed.zero_optimization.contiguous_gradients has no effect in Kiln"),
        notesOf("\"contiguous_gradients\": false"));
  }

  @Test
  void a_file_may_have_comments_but_no_key_twice(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("ds_config.json");
    Files.writeString(file, "{\n  // eight\n  \"train_batch_size\": 8, # and no more\n}\n");
    assertEquals(
        new BatchSizes(8, 8, 1), DeepSpeedConfig.parse(file, 1, AutoValues.defaults()).batch());
    Files.writeString(file, "{\"train_batch_size\": 8,\n \"train_batch_size\": 9}");
    assertEquals(
        file + ": line 2, column 20: Duplicate field 'train_batch_size'",
        assertThrows(
                ConfigException.class, () -> DeepSpeedConfig.parse(file, 1, AutoValues.defaults()))
            .getMessage());
    Path nowhere = folder.resolve("none.json");
    assertEquals(
        nowhere + ": cannot be read: NoSuchFileException " + nowhere,
        assertThrows(
                ConfigException.class,
                () -> DeepSpeedConfig.parse(nowhere, 1, AutoValues.defaults()))
            .getMessage());
  }
}
