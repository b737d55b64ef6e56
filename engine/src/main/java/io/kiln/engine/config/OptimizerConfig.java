package io.kiln.engine.config;

/** The optimizer and its parameters, with the defaults of DeepSpeed's or torch's class. */
public sealed interface OptimizerConfig {
  /** Of a group that says nothing else, before any schedule. */
  double learningRate();

  /** Of a group that says nothing else. */
  double weightDecay();

  /** First-moment decay or momentum; 0 where there is none. */
  double beta1();

  /** Second-moment decay; 0 where there is none. */
  double beta2();

  /**
   * Adam (Kingma and Ba 2015, algorithm 1) or AdamW (Loshchilov and Hutter 2019, algorithm 2).
   *
   * @param decoupled AdamW's decay, on the parameter; otherwise decay is added to the gradient
   * @param biasCorrection whether moments are divided by 1 - beta^step
   */
  record Adam(
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      boolean decoupled,
      boolean biasCorrection)
      implements OptimizerConfig {}

  /** Stochastic gradient descent as torch.optim.SGD: decay is added to the gradient. */
  record Sgd(
      double learningRate, double momentum, double dampening, double weightDecay, boolean nesterov)
      implements OptimizerConfig {
    @Override
    public double beta1() {
      return momentum;
    }

    @Override
    public double beta2() {
      return 0;
    }
  }

  /** Lion (Chen et al. 2023, program 1), decoupled decay. */
  record Lion(double learningRate, double beta1, double beta2, double weightDecay)
      implements OptimizerConfig {}

  /** Adagrad (Duchi et al. 2011) as torch.optim.Adagrad: decay is added to the gradient. */
  record Adagrad(
      double learningRate,
      double learningRateDecay,
      double epsilon,
      double initialAccumulator,
      double weightDecay)
      implements OptimizerConfig {
    @Override
    public double beta1() {
      return 0;
    }

    @Override
    public double beta2() {
      return 0;
    }
  }
}
