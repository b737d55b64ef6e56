package io.kiln.engine.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.kiln.engine.config.OptimizerConfig;
import io.kiln.engine.tensor.PointerBalance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against the papers' equations, written out element by element in double precision. */
class OptimizerTest {
  private static final int STEPS = 7;
  private static final double DIVISOR = 3;

  /** One element's update: state is read and written; returns the new parameter. */
  private interface Rule {
    double apply(long t, double p, double g, double[] state, Rates r);
  }

  private PointerScope scope;

  @BeforeEach
  void open() {
    scope = new PointerScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor tensor(float[] values) {
    return torch.tensor(values);
  }

  private static float[] floats(Tensor t) {
    float[] values = new float[(int) t.numel()];
    t.data_ptr_float().get(values);
    return values;
  }

  private static float[] draw(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Rates of two groups that move from step to step. */
  private static Rates rates(int group, int step, double weightDecay, double beta1, double beta2) {
    return new Rates(0.01 / (step + 1 + group), group == 0 ? weightDecay : 0, beta1, beta2);
  }

  private static void follows(OptimizerConfig config, Rule rule) {
    Random random = new Random(7);
    int[] sizes = {100, 37, 70_001}; // the last spans two of Lion's chunks
    int[] groups = {0, 1, 0};
    try (Optimizer optimizer = Optimizer.of(config)) {
      int states = optimizer.stateNames().size();
      List<double[]> expected = new ArrayList<>();
      List<double[][]> expectedStates = new ArrayList<>();
      List<Tensor> parameters = new ArrayList<>();
      List<Tensor> gradients = new ArrayList<>();
      List<List<Tensor>> state = new ArrayList<>();
      for (int n : sizes) {
        float[] start = draw(random, n);
        double[] p = new double[n];
        double[][] s = new double[n][states];
        for (int i = 0; i < n; i++) {
          p[i] = start[i];
          Arrays.fill(s[i], optimizer.initialState());
        }
        expected.add(p);
        expectedStates.add(s);
        parameters.add(tensor(start));
        gradients.add(tensor(new float[n]));
        List<Tensor> own = new ArrayList<>();
        for (int k = 0; k < states; k++) {
          float[] initial = new float[n];
          Arrays.fill(initial, (float) optimizer.initialState());
          own.add(tensor(initial));
        }
        state.add(own);
      }
      for (int step = 1; step <= STEPS; step++) {
        List<Slice> slices = new ArrayList<>();
        for (int k = 0; k < sizes.length; k++) {
          Rates r = rates(groups[k], step, config.weightDecay(), config.beta1(), config.beta2());
          float[] g = draw(random, sizes[k]);
          gradients.get(k).data_ptr_float().put(g);
          for (int i = 0; i < g.length; i++) {
            double[] s = expectedStates.get(k)[i];
            expected.get(k)[i] = rule.apply(step, expected.get(k)[i], g[i] / DIVISOR, s, r);
          }
          slices.add(new Slice(parameters.get(k), gradients.get(k), state.get(k), r));
        }
        optimizer.step(step, slices, DIVISOR);
      }
      for (int k = 0; k < sizes.length; k++) {
        float[] want = new float[sizes[k]];
        for (int i = 0; i < want.length; i++) {
          want[i] = (float) expected.get(k)[i];
        }
        assertArrayEquals(want, floats(parameters.get(k)), 2e-5f, "slice " + k);
      }
    }
  }

  private static Rule adam(OptimizerConfig.Adam c) {
    return (t, p, g, s, r) -> {
      double gradient = c.decoupled() ? g : g + r.weightDecay() * p;
      s[0] = r.beta1() * s[0] + (1 - r.beta1()) * gradient;
      s[1] = r.beta2() * s[1] + (1 - r.beta2()) * gradient * gradient;
      double m = c.biasCorrection() ? s[0] / (1 - Math.pow(r.beta1(), t)) : s[0];
      double v = c.biasCorrection() ? s[1] / (1 - Math.pow(r.beta2(), t)) : s[1];
      double decayed = c.decoupled() ? p - r.learningRate() * r.weightDecay() * p : p;
      return decayed - r.learningRate() * m / (Math.sqrt(v) + c.epsilon());
    };
  }

  @Test
  void adamw_follows_loshchilov_and_hutter_algorithm_2() {
    OptimizerConfig.Adam config = new OptimizerConfig.Adam(1e-3, 0.9, 0.99, 1e-3, 0.1, true, true);
    follows(config, adam(config));
  }

  @Test
  void adam_with_decay_in_the_gradient_follows_kingma_and_ba_algorithm_1() {
    OptimizerConfig.Adam config = new OptimizerConfig.Adam(1e-3, 0.9, 0.99, 1e-3, 0.1, false, true);
    follows(config, adam(config));
  }

  @Test
  void adam_without_bias_correction() {
    OptimizerConfig.Adam config = new OptimizerConfig.Adam(1e-3, 0.9, 0.99, 1e-3, 0.1, true, false);
    follows(config, adam(config));
  }

  @Test
  void sgd_without_momentum() {
    follows(
        new OptimizerConfig.Sgd(0.1, 0, 0, 0.1, false),
        (t, p, g, s, r) -> p - r.learningRate() * (g + r.weightDecay() * p));
  }

  @Test
  void sgd_with_momentum_and_dampening_begins_with_the_whole_gradient() {
    OptimizerConfig.Sgd config = new OptimizerConfig.Sgd(0.1, 0.9, 0.3, 0.1, false);
    follows(
        config,
        (t, p, g, s, r) -> {
          double d = g + r.weightDecay() * p;
          s[0] = t == 1 ? d : r.beta1() * s[0] + (1 - config.dampening()) * d;
          return p - r.learningRate() * s[0];
        });
  }

  @Test
  void sgd_with_nesterov_momentum() {
    follows(
        new OptimizerConfig.Sgd(0.1, 0.9, 0, 0.1, true),
        (t, p, g, s, r) -> {
          double d = g + r.weightDecay() * p;
          s[0] = t == 1 ? d : r.beta1() * s[0] + d;
          return p - r.learningRate() * (d + r.beta1() * s[0]);
        });
  }

  @Test
  void adagrad_divides_by_the_root_of_the_sum_of_squares() {
    OptimizerConfig.Adagrad config = new OptimizerConfig.Adagrad(0.1, 0.05, 1e-6, 0.2, 0.1);
    follows(
        config,
        (t, p, g, s, r) -> {
          double d = g + r.weightDecay() * p;
          s[0] += d * d;
          double lr = r.learningRate() / (1 + (t - 1) * config.learningRateDecay());
          return p - lr * d / (Math.sqrt(s[0]) + config.epsilon());
        });
  }

  @Test
  void lion_follows_chen_et_al_program_1() {
    follows(
        new OptimizerConfig.Lion(1e-3, 0.9, 0.99, 0.1),
        (t, p, g, s, r) -> {
          double c = r.beta1() * s[0] + (1 - r.beta1()) * g;
          s[0] = r.beta2() * s[0] + (1 - r.beta2()) * g;
          return p - r.learningRate() * (Math.signum(c) + r.weightDecay() * p);
        });
  }

  @Test
  void lion_without_a_first_moment_takes_the_gradients_sign() {
    follows(
        new OptimizerConfig.Lion(1e-3, 0, 0.99, 0),
        (t, p, g, s, r) -> p - r.learningRate() * Math.signum(g));
  }

  @Test
  void where_a_shard_is_cut_changes_no_bit() {
    int n = 1111;
    OptimizerConfig config = new OptimizerConfig.Adam(1e-3, 0.9, 0.99, 1e-8, 0.1, true, true);
    float[] whole = fourSteps(config, n, List.of(n));
    assertArrayEquals(whole, fourSteps(config, n, List.of(48, n - 48)));
    assertArrayEquals(whole, fourSteps(config, n, List.of(37, 600, n - 637)));
  }

  private static float[] fourSteps(OptimizerConfig config, int n, List<Integer> cuts) {
    Random random = new Random(11);
    Tensor p = tensor(draw(random, n));
    Tensor g = tensor(draw(random, n));
    Tensor m = tensor(new float[n]);
    Tensor v = tensor(new float[n]);
    Rates rates = new Rates(1e-3, 0.1, 0.9, 0.99);
    List<Slice> slices = new ArrayList<>();
    long begin = 0;
    for (int length : cuts) {
      slices.add(
          new Slice(
              p.narrow(0, begin, length),
              g.narrow(0, begin, length),
              List.of(m.narrow(0, begin, length), v.narrow(0, begin, length)),
              rates));
      begin += length;
    }
    try (Optimizer optimizer = Optimizer.of(config)) {
      for (int step = 1; step <= 4; step++) {
        optimizer.step(step, slices, 3.3);
      }
    }
    return floats(p);
  }

  @Test
  void a_divisor_may_come_and_go() {
    Tensor p = tensor(new float[] {1});
    Tensor g = tensor(new float[] {1});
    try (Optimizer sgd = Optimizer.of(new OptimizerConfig.Sgd(1, 0, 0, 0, false))) {
      List<Slice> slices = List.of(new Slice(p, g, List.of(), new Rates(1, 0, 0, 0)));
      sgd.step(1, slices, 1);
      assertEquals(0, floats(p)[0]);
      sgd.step(2, slices, 4); // the kernel leaves g / 4 behind
      assertEquals(-0.25, floats(p)[0]);
      sgd.step(3, slices, 1);
      assertEquals(-0.5, floats(p)[0]);
    }
  }

  @Test
  void other_tensors_and_empty_slices_are_seen() {
    Tensor first = tensor(new float[] {1});
    Tensor second = tensor(new float[] {1});
    Tensor empty = tensor(new float[0]);
    Tensor g = tensor(new float[] {1});
    Rates r = new Rates(1, 0, 0, 0);
    try (Optimizer sgd = Optimizer.of(new OptimizerConfig.Sgd(1, 0, 0, 0, false))) {
      Slice nothing = new Slice(empty, empty, List.of(), r);
      sgd.step(1, List.of(nothing, new Slice(first, g, List.of(), r)), 1);
      sgd.step(2, List.of(nothing, new Slice(second, g, List.of(), new Rates(3, 0, 0, 0))), 1);
      sgd.step(3, List.of(nothing), 1);
      assertEquals(0, floats(first)[0]);
      assertEquals(-2, floats(second)[0]);
    }
  }

  @Test
  void nothing_is_left_behind() {
    List<OptimizerConfig> all =
        List.of(
            new OptimizerConfig.Adam(1e-3, 0.9, 0.99, 1e-8, 0, true, true),
            new OptimizerConfig.Sgd(0.1, 0.9, 0, 0, false),
            new OptimizerConfig.Lion(1e-3, 0.9, 0.99, 0),
            new OptimizerConfig.Adagrad(0.1, 0, 1e-10, 0, 0));
    Tensor p = tensor(new float[40]);
    Tensor g = tensor(new float[40]);
    List<Tensor> state = List.of(tensor(new float[40]), tensor(new float[40]));
    for (OptimizerConfig config : all) {
      PointerBalance.assertKept(
          () -> {
            try (Optimizer optimizer = Optimizer.of(config)) {
              steps(optimizer, p, g, state);
            }
          });
      try (Optimizer optimizer = Optimizer.of(config)) {
        steps(optimizer, p, g, state);
        PointerBalance.assertKept(() -> steps(optimizer, p, g, state));
      }
    }
  }

  private static void steps(Optimizer optimizer, Tensor p, Tensor g, List<Tensor> state) {
    List<Tensor> own = state.subList(0, optimizer.stateNames().size());
    for (int step = 1; step < 10; step++) {
      Rates moved = new Rates(0.1 / step, 0, 0.9, 0.99);
      optimizer.step(step, List.of(new Slice(p, g, own, moved)), 1 + step % 2);
    }
  }

  @Test
  void groups_whose_rates_were_equal_may_part() {
    Tensor first = tensor(new float[] {1});
    Tensor second = tensor(new float[] {1});
    Tensor g = tensor(new float[] {1});
    try (Optimizer sgd = Optimizer.of(new OptimizerConfig.Sgd(1, 0, 0, 0, false))) {
      double[][] rates = {{0, 0}, {1, 2}, {3, 3}};
      for (int i = 0; i < rates.length; i++) {
        Slice one = new Slice(first, g, List.of(), new Rates(rates[i][0], 0, 0, 0));
        Slice other = new Slice(second, g, List.of(), new Rates(rates[i][1], 0, 0, 0));
        sgd.step(i + 1, List.of(one, other), 1);
      }
      assertEquals(1 - 1 - 3, floats(first)[0]);
      assertEquals(1 - 2 - 3, floats(second)[0]);
    }
  }
}
