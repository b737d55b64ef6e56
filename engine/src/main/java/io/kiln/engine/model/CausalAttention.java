package io.kiln.engine.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Scaled dot-product attention in which no position sees a later one, {@code softmax(q k^T /
 * sqrt(d) + mask) v} (Vaswani et al. 2017, arXiv:1706.03762), with as many or fewer key/value heads
 * than query heads (Ainslie et al. 2023, arXiv:2305.13245).
 *
 * @param tables where the mask comes from
 * @param dropout of the probabilities
 */
record CausalAttention(SequenceTables tables, Dropout dropout) {
  /**
   * @param query {@code [batch, time, heads, size]}
   * @param key {@code [batch, time, keyValueHeads, size]}
   * @param value like {@code key}
   * @return {@code [batch, time, heads * size]}
   */
  Tensor apply(Tensor query, Tensor key, Tensor value, Pass pass) {
    AttentionBackend backend = AttentionBackend.choose(query, dropout.active(pass)).backend();
    return apply(backend, query, key, value, pass);
  }

  Tensor apply(AttentionBackend backend, Tensor query, Tensor key, Tensor value, Pass pass) {
    Tensor q = query.transpose(1, 2);
    Tensor k = key.transpose(1, 2);
    Tensor v = value.transpose(1, 2);
    Tensor mixed =
        switch (backend) {
          case FUSED -> fused(q, k, v);
          case SPELLED_OUT -> spelledOut(q, k, v, pass);
        };
    return mixed.transpose(1, 2).reshape(query.size(0), query.size(1), -1);
  }

  /** All {@code [batch, heads, time, size]}. */
  private static Tensor fused(Tensor query, Tensor key, Tensor value) {
    boolean grouped = query.size(1) != key.size(1);
    return torch.scaled_dot_product_attention(
        query, key, value, new TensorOptional(), 0, true, new DoubleOptional(), grouped);
  }

  private Tensor spelledOut(Tensor query, Tensor key, Tensor value, Pass pass) {
    long batch = query.size(0);
    long heads = query.size(1);
    long time = query.size(2);
    long size = query.size(3);
    long keyValueHeads = key.size(1);
    long group = heads / keyValueHeads;
    long products = batch * keyValueHeads;
    // The heads that share a key are rows of one product: nothing is repeated but the mask.
    Tensor rows = query.reshape(products, group * time, size);
    Tensor keys = key.reshape(products, time, size).transpose(1, 2);
    Tensor mask = tables.causalMask(time, query);
    Tensor masks = (group == 1 ? mask : mask.repeat(group, 1)).unsqueeze(0);
    // Mask and scale come with the product: no pass over the scores for either.
    Tensor scores =
        torch.baddbmm(masks, rows, keys, new Scalar(1.0), new Scalar(1 / Math.sqrt(size)));
    Tensor probabilities = dropped(scores.softmax(2), batch, pass);
    return torch
        .bmm(probabilities, value.reshape(products, time, size))
        .view(batch, heads, time, size);
  }

  private Tensor dropped(Tensor probabilities, long batch, Pass pass) {
    if (!dropout.active(pass)) {
      return probabilities;
    }
    Tensor byRow = probabilities.view(batch, -1, probabilities.size(2));
    return dropout.apply(byRow, pass).view(probabilities.shape());
  }
}
