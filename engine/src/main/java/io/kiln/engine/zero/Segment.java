package io.kiln.engine.zero;

import io.kiln.engine.optim.Rates;
import io.kiln.engine.optim.Slice;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A run of a rank's owned elements whose parameters are in one group; views, made once. */
record Segment(Tensor master, Tensor gradient, List<Tensor> states, int group) {
  Slice at(Rates rates) {
    return new Slice(master, gradient, states, rates);
  }
}
