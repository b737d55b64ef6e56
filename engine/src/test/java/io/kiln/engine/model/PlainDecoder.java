package io.kiln.engine.model;

import java.util.Map;

/**
 * A decoder written out in loops over doubles, from the papers and nothing else: what the blocks
 * are held against.
 */
final class PlainDecoder {
  private final DecoderConfig config;
  private final Map<String, double[]> weights;

  PlainDecoder(DecoderConfig config, Map<String, double[]> weights) {
    this.config = config;
    this.weights = weights;
  }

  /** Sum of the negative log-likelihoods of the targets that are not negative. */
  double loss(int[][] tokens, int[][] targets) {
    double sum = 0;
    for (int b = 0; b < tokens.length; b++) {
      double[][] logits = logits(tokens[b]);
      for (int t = 0; t < logits.length; t++) {
        if (targets[b][t] >= 0) {
          double total = 0;
          for (double logit : logits[t]) {
            total += Math.exp(logit);
          }
          sum += Math.log(total) - logits[t][targets[b][t]];
        }
      }
    }
    return sum;
  }

  /** {@code [time][vocabulary]} of one sequence. */
  double[][] logits(int[] tokens) {
    int hidden = (int) config.hidden();
    DecoderNames names = config.names();
    double[][] x = new double[tokens.length][hidden];
    double[] table = weights.get(names.tokenEmbedding());
    for (int t = 0; t < tokens.length; t++) {
      for (int i = 0; i < hidden; i++) {
        x[t][i] = table[tokens[t] * hidden + i];
        if (config.positions() instanceof Positions.Learned) {
          x[t][i] += weights.get(names.positionEmbedding())[t * hidden + i];
        }
      }
    }
    for (int layer = 0; layer < config.layers(); layer++) {
      layer(x, String.format(names.layer(), layer));
    }
    String head = config.tiedHead() ? names.tokenEmbedding() : names.head();
    return product(norm(x, names.finalNorm()), head, "", (int) config.vocabulary());
  }

  private void layer(double[][] x, String prefix) {
    DecoderNames names = config.names();
    int heads = config.attention().heads();
    int keyHeads = config.attention().keyValueHeads();
    int size = (int) config.attention().size();
    double[][] n = norm(x, prefix + names.attentionNorm());
    double[][] q;
    double[][] k;
    double[][] v;
    if (config.attention().joined()) {
      double[][] all = project(n, prefix + names.joined(), 3 * heads * size);
      q = columns(all, 0, heads * size);
      k = columns(all, heads * size, heads * size);
      v = columns(all, 2 * heads * size, heads * size);
    } else {
      q = project(n, prefix + names.query(), heads * size);
      k = project(n, prefix + names.key(), keyHeads * size);
      v = project(n, prefix + names.value(), keyHeads * size);
    }
    if (config.positions() instanceof Rotary rotary) {
      rotate(q, size, rotary);
      rotate(k, size, rotary);
    }
    double[][] mixed = new double[x.length][heads * size];
    for (int h = 0; h < heads; h++) {
      int from = h / (heads / keyHeads);
      for (int t = 0; t < x.length; t++) {
        double[] p = new double[t + 1];
        double total = 0;
        for (int s = 0; s <= t; s++) {
          double score = 0;
          for (int i = 0; i < size; i++) {
            score += q[t][h * size + i] * k[s][from * size + i];
          }
          p[s] = Math.exp(score / Math.sqrt(size));
          total += p[s];
        }
        for (int s = 0; s <= t; s++) {
          for (int i = 0; i < size; i++) {
            mixed[t][h * size + i] += p[s] / total * v[s][from * size + i];
          }
        }
      }
    }
    add(x, project(mixed, prefix + names.attentionOutput(), (int) config.hidden()));
    n = norm(x, prefix + names.feedForwardNorm());
    int inner = (int) config.feedForward().inner();
    double[][] up = project(n, prefix + names.up(), inner);
    double[][] active = up;
    if (config.feedForward().gated()) {
      active = project(n, prefix + names.gate(), inner);
    }
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < inner; i++) {
        double a = activation(active[t][i]);
        active[t][i] = config.feedForward().gated() ? a * up[t][i] : a;
      }
    }
    add(x, project(active, prefix + names.down(), (int) config.hidden()));
  }

  private double activation(double x) {
    return switch (config.feedForward().activation()) {
      case GELU_NEW ->
          0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
      case SILU -> x / (1 + Math.exp(-x));
      case RELU -> Math.max(0, x);
      case TANH -> Math.tanh(x);
      case GELU -> throw new UnsupportedOperationException("no error function in Java");
    };
  }

  private static void rotate(double[][] x, int size, Rotary rotary) {
    for (int t = 0; t < x.length; t++) {
      for (int start = 0; start < x[t].length; start += size) {
        for (int i = 0; i < size / 2; i++) {
          double angle = t * rotary.scaling().stretch(Math.pow(rotary.theta(), -2.0 * i / size));
          double a = x[t][start + i];
          double b = x[t][start + i + size / 2];
          x[t][start + i] = a * Math.cos(angle) - b * Math.sin(angle);
          x[t][start + i + size / 2] = b * Math.cos(angle) + a * Math.sin(angle);
        }
      }
    }
  }

  private double[][] norm(double[][] x, String name) {
    double[] scale = weights.get(name + ".weight");
    double[] offset = weights.get(name + ".bias");
    double[][] y = new double[x.length][];
    for (int t = 0; t < x.length; t++) {
      int n = x[t].length;
      double mean = 0;
      if (config.normalization().kind() == Normalization.Kind.LAYER) {
        for (double value : x[t]) {
          mean += value / n;
        }
      }
      double variance = 0;
      for (double value : x[t]) {
        variance += (value - mean) * (value - mean) / n;
      }
      y[t] = new double[n];
      for (int i = 0; i < n; i++) {
        y[t][i] =
            (x[t][i] - mean) / Math.sqrt(variance + config.normalization().epsilon()) * scale[i];
        if (offset != null) {
          y[t][i] += offset[i];
        }
      }
    }
    return y;
  }

  private double[][] project(double[][] x, String name, int out) {
    return product(x, name + ".weight", name + ".bias", out);
  }

  private double[][] product(double[][] x, String weight, String bias, int out) {
    double[] w = weights.get(weight);
    double[] b = weights.get(bias);
    double[][] y = new double[x.length][out];
    for (int t = 0; t < x.length; t++) {
      int in = x[t].length;
      for (int o = 0; o < out; o++) {
        double sum = b == null ? 0 : b[o];
        for (int i = 0; i < in; i++) {
          sum += w[o * in + i] * x[t][i];
        }
        y[t][o] = sum;
      }
    }
    return y;
  }

  private static double[][] columns(double[][] x, int from, int count) {
    double[][] y = new double[x.length][];
    for (int t = 0; t < x.length; t++) {
      y[t] = java.util.Arrays.copyOfRange(x[t], from, from + count);
    }
    return y;
  }

  private static void add(double[][] x, double[][] y) {
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < x[t].length; i++) {
        x[t][i] += y[t][i];
      }
    }
  }
}
