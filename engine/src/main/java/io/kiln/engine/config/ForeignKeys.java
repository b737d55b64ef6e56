package io.kiln.engine.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Keys that DeepSpeed knows and Kiln does not act on. A value that leaves DeepSpeed's feature off
 * passes; another is refused by name where the result would differ, and noted where it would not.
 */
final class ForeignKeys {
  /** {@code false}, {@code {}}, or an object in which nothing is enabled. */
  private static final Predicate<JsonNode> OFF = ForeignKeys::off;

  private static final Predicate<JsonNode> NEVER = v -> false;
  private static final Predicate<JsonNode> FALSE = v -> v.isBoolean() && !v.booleanValue();
  private static final Predicate<JsonNode> TRUE = v -> v.isBoolean() && v.booleanValue();

  /** An object all of whose values are false, zero or null. */
  private static final Predicate<JsonNode> ALL_DEFAULT = ForeignKeys::allDefault;

  private static final Predicate<JsonNode> EMPTY = v -> v.isObject() && v.isEmpty();

  private static final Predicate<JsonNode> NO_DEVICE =
      v ->
          v.isObject()
              && (!v.has("device") || v.get("device").isNull() || is(v.get("device"), "none"));

  private static final Map<String, Predicate<JsonNode>> REFUSED_AT_TOP =
      new Table()
          .add(
              OFF,
              "flops_profiler",
              "tensorboard",
              "wandb",
              "comet",
              "csv_monitor",
              "comms_logger",
              "autotuning",
              "compression_training",
              "quantize_training",
              "weight_quantization",
              "data_efficiency",
              "curriculum_learning",
              "hybrid_engine",
              "expert_parallel",
              "eigenvalue",
              "progressive_layer_drop",
              "amp",
              "torch_autocast",
              "nebula",
              "datastates_ckpt",
              "zenflow")
          .add(ALL_DEFAULT, "activation_checkpointing", "compile")
          .add(ForeignKeys::plainCheckpoint, "checkpoint")
          .add(ForeignKeys::onePart, "tensor_parallel", "sequence_parallel_size")
          .add(v -> EMPTY.test(v) || onlyAuto(v), "pipeline")
          .add(ForeignKeys::fp32Accumulation, "data_types")
          .add(v -> is(v, "mean"), "gradient_allreduce_op")
          .add(v -> is(v, "fp32"), "seq_parallel_communication_data_type")
          .add(NEVER, "sparse_attention", "data_parallel_group")
          .add(
              FALSE,
              "sparse_gradients",
              "disable_allgather",
              "dump_state",
              "memory_breakdown",
              "graph_harvesting",
              "use_data_before_expert_parallelism",
              "fp32_allreduce")
          .add(TRUE, "managed_gradient_accumulation")
          .build();

  private static final Map<String, Predicate<JsonNode>> NOTED_AT_TOP =
      new Table()
          .add(NEVER, "vocabulary_size", "log_level", "timers", "aio")
          .add(TRUE, "dataloader_drop_last", "zero_force_ds_cpu_optimizer")
          .add(v -> true, "zero_allow_untested_optimizer")
          .build();

  private static final Map<String, Predicate<JsonNode>> REFUSED_IN_ZERO =
      new Table()
          .add(NO_DEVICE, "offload_optimizer", "offload_param")
          .add(
              FALSE,
              "cpu_offload",
              "cpu_offload_param",
              "zero_quantized_weights",
              "zero_quantized_nontrainable_weights",
              "zero_quantized_gradients",
              "mics_hierarchical_params_gather",
              "elastic_checkpoint",
              "pipeline_loading_checkpoint",
              "legacy_stage1",
              "save_muon_momentum_buffer_in_memory")
          .add(v -> v.isNumber() && v.doubleValue() == 1, "zero_hpz_partition_size")
          .add(v -> v.isNumber() && v.doubleValue() <= 0, "mics_shard_size")
          .add(v -> v.isNumber() && v.doubleValue() == 0, "stage3_module_granularity_threshold")
          .add(EMPTY, "leaf_module", "zeropp_loco_param", "zenflow")
          .add(
              v -> v.isNumber() && v.doubleValue() >= Long.MAX_VALUE,
              "stage3_model_persistence_threshold")
          .add(TRUE, "load_from_fp32_weights")
          .build();

  private static final Map<String, Predicate<JsonNode>> NOTED_IN_ZERO =
      new Table()
          .add(
              TRUE,
              "contiguous_gradients",
              "reduce_scatter",
              "use_multi_rank_bucket_allreduce",
              "allgather_partitions",
              "ignore_unused_parameters",
              "memory_efficient_linear",
              "override_module_apply",
              "stage3_gather_16bit_weights_on_model_save",
              "stage3_gather_fp16_weights_on_model_save")
          .add(
              FALSE,
              "round_robin_gradients",
              "stage3_use_all_reduce_for_fetch_params",
              "stage3_allgather_sequential",
              "cpu_offload_use_pin_memory",
              "log_trace_cache_warnings",
              "enable_sanity_checks")
          .add(v -> v.isNumber() && v.doubleValue() == 1e9, "sub_group_size")
          .add(v -> v.isNumber() && v.doubleValue() == 1e9, "stage3_max_reuse_distance")
          .build();

  private ForeignKeys() {}

  /** Keys beside {@code train_batch_size}. */
  static void checkTop(JsonSection root, List<String> notes) {
    check(root, REFUSED_AT_TOP, NOTED_AT_TOP, notes);
  }

  /** Keys of {@code zero_optimization}. */
  static void checkZero(JsonSection zero, List<String> notes) {
    check(zero, REFUSED_IN_ZERO, NOTED_IN_ZERO, notes);
  }

  private static void check(
      JsonSection section,
      Map<String, Predicate<JsonNode>> refused,
      Map<String, Predicate<JsonNode>> noted,
      List<String> notes) {
    refused.forEach(
        (key, harmless) ->
            section
                .raw(key)
                .filter(harmless.negate())
                .ifPresent(
                    v -> {
                      throw section.error(
                          key, "DeepSpeed's " + key + " is not supported by Kiln yet: remove it");
                    }));
    noted.forEach(
        (key, silent) ->
            section
                .raw(key)
                .filter(silent.negate())
                .ifPresent(v -> notes.add(section.pathOf(key) + " has no effect in Kiln")));
  }

  private static boolean off(JsonNode value) {
    if (value.isBoolean()) {
      return !value.booleanValue();
    }
    if (!value.isObject()) {
      return false;
    }
    for (Map.Entry<String, JsonNode> entry : value.properties()) {
      boolean on = entry.getKey().equals("enabled") && !FALSE.test(entry.getValue());
      if (on || (entry.getValue().isObject() && !off(entry.getValue()))) {
        return false;
      }
    }
    return true;
  }

  private static boolean allDefault(JsonNode value) {
    if (value.isObject()) {
      return value.properties().stream().allMatch(e -> allDefault(e.getValue()));
    }
    return value.isNull() || FALSE.test(value) || (value.isNumber() && value.doubleValue() == 0);
  }

  private static boolean plainCheckpoint(JsonNode value) {
    return value.isObject()
        && value.properties().stream()
            .allMatch(
                e ->
                    e.getKey().equals("tag_validation")
                        ? is(e.getValue(), "warn") || is(e.getValue(), "ignore")
                        : allDefault(e.getValue()));
  }

  private static boolean onePart(JsonNode value) {
    if (value.isObject()) {
      return value.properties().stream().allMatch(e -> onePart(e.getValue()));
    }
    return allDefault(value) || (value.isNumber() && value.doubleValue() == 1);
  }

  private static boolean onlyAuto(JsonNode value) {
    return value.isObject()
        && value.properties().stream()
            .allMatch(e -> e.getKey().equals("stages") && is(e.getValue(), "auto"));
  }

  private static boolean fp32Accumulation(JsonNode value) {
    return value.isObject()
        && value.properties().stream()
            .allMatch(
                e ->
                    e.getValue().isNull()
                        || (e.getKey().equals("grad_accum_dtype") && is(e.getValue(), "fp32")));
  }

  private static boolean is(JsonNode value, String text) {
    return value.isTextual() && value.textValue().equalsIgnoreCase(text);
  }

  /** Keys with the values that pass, in order. */
  private static final class Table {
    private final Map<String, Predicate<JsonNode>> rows = new LinkedHashMap<>();

    Table add(Predicate<JsonNode> passes, String... keys) {
      for (String key : keys) {
        rows.put(key, passes);
      }
      return this;
    }

    Map<String, Predicate<JsonNode>> build() {
      return rows;
    }
  }
}
