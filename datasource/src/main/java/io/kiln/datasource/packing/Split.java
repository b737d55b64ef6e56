package io.kiln.datasource.packing;

import io.kiln.datasource.DataException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Where the training part of a corpus ends: it is the first floor(units · (1 - fraction)) units in
 * file order, the validation part the rest. The product is taken exactly, in decimals: 0.1 of ten
 * tokens is one token.
 *
 * @param training units of the training part
 * @param validation units of the validation part
 */
public record Split(long training, long validation) implements Serializable {
  public Split {
    if (training < 0 || validation < 0) {
      throw new IllegalArgumentException("training " + training + ", validation " + validation);
    }
  }

  /** Cuts off the last part. */
  public static Split of(long units, double validationFraction) {
    if (!(validationFraction >= 0 && validationFraction < 1)) {
      throw new DataException(
          "data.validation_fraction is " + validationFraction + ": it must lie in [0, 1)");
    }
    long training =
        BigDecimal.ONE
            .subtract(BigDecimal.valueOf(validationFraction))
            .multiply(BigDecimal.valueOf(units))
            .setScale(0, RoundingMode.FLOOR)
            .longValueExact();
    return new Split(training, units - training);
  }

  /** Both parts together. */
  public long units() {
    return training + validation;
  }
}
