package io.kiln.engine.tensor;

import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A floating-point format that parameters, gradients or messages are kept in. */
public enum Dtype {
  FP32("fp32", "F32", 4, ScalarType.Float),
  BF16("bf16", "BF16", 2, ScalarType.BFloat16),
  FP16("fp16", "F16", 2, ScalarType.Half);

  private final String label;
  private final String safetensors;
  private final int bytes;
  private final ScalarType scalarType;

  Dtype(String label, String safetensors, int bytes, ScalarType scalarType) {
    this.label = label;
    this.safetensors = safetensors;
    this.bytes = bytes;
    this.scalarType = scalarType;
  }

  /** Name as DeepSpeed's configuration spells it: {@code fp32}, {@code bf16}, {@code fp16}. */
  public String label() {
    return label;
  }

  /** Name as the safetensors format spells it: {@code F32}, {@code BF16}, {@code F16}. */
  public String safetensors() {
    return safetensors;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** libtorch's name for it. */
  public torch.ScalarType scalarType() {
    return scalarType;
  }
}
