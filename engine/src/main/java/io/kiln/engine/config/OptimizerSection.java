package io.kiln.engine.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Reads {@code optimizer}. */
final class OptimizerSection {
  private static final List<String> SUPPORTED = List.of("Adam", "AdamW", "SGD", "Lion", "Adagrad");

  /** What DeepSpeed or torch.optim would take, in lower case. */
  private static final Set<String> NOT_YET =
      Set.of(
          "lamb",
          "onebitadam",
          "zerooneadam",
          "onebitlamb",
          "muadam",
          "muadamw",
          "musgd",
          "muon",
          "rmsprop",
          "adadelta",
          "adamax",
          "nadam",
          "radam",
          "asgd",
          "rprop",
          "lbfgs",
          "adafactor",
          "sparseadam");

  record Result(OptimizerConfig optimizer, ParameterGroupsConfig groups) {}

  private final JsonSection params;
  private final AutoValues auto;

  private OptimizerSection(JsonSection params, AutoValues auto) {
    this.params = params;
    this.auto = auto;
  }

  static Result read(JsonSection root, AutoValues auto) {
    if (!root.has("optimizer")) {
      // What Hugging Face's Trainer makes where the configuration leaves it out.
      return new Result(
          new OptimizerConfig.Adam(
              auto.learningRate(),
              auto.beta1(),
              auto.beta2(),
              auto.epsilon(),
              auto.weightDecay(),
              true,
              true),
          ParameterGroupsConfig.none());
    }
    JsonSection section = root.requiredSection("optimizer");
    String type = section.requiredText("type");
    if (section.flag("legacy_fusion", false)) {
      throw section.error("legacy_fusion", "is not supported by Kiln yet: remove it");
    }
    OptimizerSection reader = new OptimizerSection(section.sectionOrEmpty("params"), auto);
    OptimizerConfig optimizer = reader.optimizer(section, type);
    return new Result(optimizer, reader.groups(optimizer));
  }

  private OptimizerConfig optimizer(JsonSection section, String type) {
    if (params.has("max_grad_norm")) {
      throw params.error(
          "max_grad_norm", "is no parameter of an optimizer: use the key gradient_clipping");
    }
    switch (type.toLowerCase(Locale.ROOT)) {
      case "adam":
        return adam(false);
      case "adamw":
        return adam(true);
      case "sgd":
        return sgd();
      case "lion":
        params.flag("set_grad_none", true);
        return new OptimizerConfig.Lion(
            learningRate(1e-3), beta(0, 0.9), beta(1, 0.999), weightDecay(0));
      case "adagrad":
        refuse("amsgrad");
        return new OptimizerConfig.Adagrad(
            learningRate(1e-2),
            params.numberFrom(0, "lr_decay", 0),
            epsilon(1e-10),
            params.numberFrom(0, "initial_accumulator_value", 0),
            weightDecay(0));
      default:
        if (NOT_YET.contains(type.toLowerCase(Locale.ROOT))) {
          throw section.error(
              "type",
              type + " is not supported by Kiln yet: use one of " + String.join(", ", SUPPORTED));
        }
        throw section.error(
            "type",
            "there is no optimizer \"%s\": %s"
                .formatted(
                    type,
                    NearestName.of(type, SUPPORTED)
                        .map(n -> "did you mean \"" + n + "\"?")
                        .orElse("use one of " + String.join(", ", SUPPORTED))));
    }
  }

  /**
   * As DeepSpeed chooses: type Adam means AdamW's decay too, unless adam_w_mode is false;
   * torch_adam takes torch's classes, whose AdamW decays by 0.01 where nothing is said.
   */
  private OptimizerConfig adam(boolean typeIsAdamW) {
    boolean torchAdam = params.flag("torch_adam", false);
    boolean decoupled = params.flag("adam_w_mode", true) || typeIsAdamW;
    refuse("amsgrad");
    boolean biasCorrection = true;
    if (torchAdam) {
      if (params.has("bias_correction")) {
        throw params.error(
            "bias_correction", "torch's Adam has no such parameter: remove it or torch_adam");
      }
      refuse("maximize");
      for (String howNotWhat : List.of("foreach", "fused", "capturable", "differentiable")) {
        params.flag(howNotWhat);
      }
    } else {
      biasCorrection = params.flag("bias_correction", true);
      params.flag("set_grad_none", true);
      if (!params.flag("fp32_optimizer_states", true)) {
        throw params.error(
            "fp32_optimizer_states", "false is not supported by Kiln yet: remove it");
      }
    }
    return new OptimizerConfig.Adam(
        learningRate(1e-3),
        beta(0, 0.9),
        beta(1, 0.999),
        epsilon(1e-8),
        weightDecay(torchAdam && decoupled ? 1e-2 : 0),
        decoupled,
        biasCorrection);
  }

  private OptimizerConfig sgd() {
    refuse("maximize");
    for (String howNotWhat : List.of("foreach", "fused", "differentiable")) {
      params.flag(howNotWhat);
    }
    OptimizerConfig.Sgd sgd =
        new OptimizerConfig.Sgd(
            learningRate(1e-3),
            params.numberFrom(0, "momentum", 0),
            params.number("dampening", 0),
            weightDecay(0),
            params.flag("nesterov", false));
    if (sgd.nesterov() && (sgd.momentum() == 0 || sgd.dampening() != 0)) {
      throw params.error("nesterov", "needs a momentum above 0 and no dampening");
    }
    return sgd;
  }

  private ParameterGroupsConfig groups(OptimizerConfig optimizer) {
    double layerDecay = params.number("layer_decay", 1);
    if (!(layerDecay > 0)) {
      throw params.error("layer_decay", "must be above 0, not " + layerDecay);
    }
    List<GroupRule> rules = new ArrayList<>();
    for (JsonSection group : params.sections("groups")) {
      List<NamePattern> names = new ArrayList<>();
      group.texts("pattern").forEach(glob -> names.add(NamePattern.glob(glob)));
      for (String regex : group.texts("regex")) {
        try {
          names.add(new NamePattern(regex, Pattern.compile(regex)));
        } catch (PatternSyntaxException e) {
          throw group.error(
              "regex", "\"" + regex + "\" is no regular expression: " + e.getDescription());
        }
      }
      if (names.isEmpty()) {
        throw new ConfigException(
            group.path(),
            "needs \"pattern\" (with * and ?) or \"regex\" for the names it holds for");
      }
      rules.add(new GroupRule(group.path(), names, factor(group, optimizer), decay(group)));
    }
    return new ParameterGroupsConfig(rules, layerDecay);
  }

  private static double factor(JsonSection group, OptimizerConfig optimizer) {
    if (!group.has("lr")) {
      return group.numberFrom(0, "lr_scale", 1);
    }
    if (group.has("lr_scale")) {
      throw new ConfigException(group.path(), "has both lr and lr_scale: leave one out");
    }
    double lr = group.numberFrom(0, "lr", 0);
    if (optimizer.learningRate() == 0) {
      throw group.error("lr", "has no ratio to the optimizer's lr of 0: use lr_scale");
    }
    return lr / optimizer.learningRate();
  }

  private static OptionalDouble decay(JsonSection group) {
    return group.has("weight_decay")
        ? OptionalDouble.of(group.numberFrom(0, "weight_decay", 0))
        : OptionalDouble.empty();
  }

  private double learningRate(double otherwise) {
    return params.isAuto("lr") ? auto.learningRate() : params.numberFrom(0, "lr", otherwise);
  }

  private double weightDecay(double otherwise) {
    return params.isAuto("weight_decay")
        ? auto.weightDecay()
        : params.numberFrom(0, "weight_decay", otherwise);
  }

  private double epsilon(double otherwise) {
    return params.isAuto("eps") ? auto.epsilon() : params.numberFrom(0, "eps", otherwise);
  }

  private double beta(int index, double otherwise) {
    if (params.isAuto("betas")) {
      return index == 0 ? auto.beta1() : auto.beta2();
    }
    List<Double> betas = params.numbers("betas");
    if (betas.isEmpty() && !params.has("betas")) {
      return otherwise;
    }
    if (betas.size() != 2 || betas.stream().anyMatch(b -> b < 0 || b >= 1)) {
      throw params.error("betas", "must be two numbers from 0 to below 1, not " + betas);
    }
    return betas.get(index);
  }

  private void refuse(String flag) {
    if (params.flag(flag, false)) {
      throw params.error(flag, "is not supported by Kiln yet: remove it");
    }
  }
}
