package io.kiln.engine.zero;

import io.kiln.engine.model.Weights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * One block's parameters on one rank: brings them before a use, takes their gradient away after.
 * The walker calls it at the seams; what happens there is decided by the {@link WorkingCopy} and
 * the {@link GradientFlow} it was made with.
 */
public final class BlockParameters {
  private final FlatLayout layout;
  private final WorkingCopy working;
  private final GradientFlow gradients;
  private final OwnedPart owned;
  private final Tensor gradientShard;
  private final Map<String, Tensor> views;
  private final List<BlockParameters> lenders;
  private final boolean prefetched;
  private final Weights weights;

  BlockParameters(
      FlatLayout layout,
      WorkingCopy working,
      GradientFlow gradients,
      OwnedPart owned,
      Tensor gradientShard,
      Map<String, Tensor> views,
      Map<String, Tensor> borrowedViews,
      List<BlockParameters> lenders,
      boolean prefetched) {
    this.layout = layout;
    this.working = working;
    this.gradients = gradients;
    this.owned = owned;
    this.gradientShard = gradientShard;
    this.views = views;
    this.lenders = List.copyOf(lenders);
    this.prefetched = prefetched;
    Map<String, Tensor> all = new LinkedHashMap<>(views);
    all.putAll(borrowedViews);
    this.weights = new Weights(all);
  }

  /** Begins to gather the parameters, if they are not here and it is worth while. */
  public void prefetch() {
    if (prefetched) {
      working.prefetch();
      lenders.forEach(BlockParameters::prefetch);
    }
  }

  /**
   * Waits for the parameters. The same views every time; good until another block needs the place.
   */
  public Weights acquire() {
    working.acquire();
    lenders.forEach(BlockParameters::acquire);
    return weights;
  }

  /**
   * The block's backward is done, and with it that of all who borrow from it: its gradient leaves,
   * now or at the border of accumulation.
   *
   * @param first whether this is the step's first micro-batch
   * @param last whether this is the step's last micro-batch
   */
  public void gradientReady(boolean first, boolean last) {
    gradients.ready(first, last);
  }

  FlatLayout layout() {
    return layout;
  }

  WorkingCopy working() {
    return working;
  }

  GradientFlow gradients() {
    return gradients;
  }

  OwnedPart owned() {
    return owned;
  }

  Tensor gradientShard() {
    return gradientShard;
  }

  Tensor view(String parameter) {
    return views.get(parameter);
  }
}
