package io.kiln.engine.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** How many columns a head's product has: the vocabulary, or some more that mean nothing. */
interface HeadColumns {
  /**
   * @param input {@code [batch, time, hidden]} of the product
   * @param vocabulary entries
   * @return at least {@code vocabulary}
   */
  long of(Tensor input, long vocabulary);

  /**
   * Tensor cores want rows of full vectors: a 16-bit product with 50,257 columns takes an H200 13
   * ms where one with 50,304 takes 2, and its two gradients 17 where those take 5. A copy of the
   * table with a few rows of zeros costs 0.1.
   */
  HeadColumns FASTEST =
      (input, vocabulary) -> {
        ScalarType type = input.scalar_type().intern();
        boolean tensorCores =
            input.is_cuda() && (type == ScalarType.BFloat16 || type == ScalarType.Half);
        return tensorCores && input.size(0) * input.size(1) >= HeadColumns.ROWS
            ? (vocabulary + HeadColumns.MULTIPLE - 1) / HeadColumns.MULTIPLE * HeadColumns.MULTIPLE
            : vocabulary;
      };

  /** What the number of columns is rounded up to. */
  long MULTIPLE = 64;

  /** With fewer the copy of the table costs more than the product gains. */
  long ROWS = 256;
}
