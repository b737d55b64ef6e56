package io.kiln.engine.comm;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The sum that every backend forms: the terms of rank 0, 1, 2, ... one after the other, in fp32,
 * rounded once to the output's type. Same numbers, same bits.
 */
final class RankOrderSum implements AutoCloseable {
  /** Elements summed at a time: two fp32 blocks of it stay in a core's second-level cache. */
  private static final int BLOCK = 1 << 16;

  private final Span sum;
  private final Span term;

  RankOrderSum() {
    sum = Span.allocate(BLOCK);
    try {
      term = Span.allocate(BLOCK);
    } catch (RuntimeException | Error e) {
      sum.close();
      throw e;
    }
  }

  /**
   * Sums {@code count} elements.
   *
   * @param terms one a rank, at least two, of one type
   * @param from where each begins
   * @param out may share its memory with one of the terms, element by element
   * @param accumulate whether the sum is added to what {@code out} holds
   */
  void into(Span out, long outFrom, Span[] terms, long[] from, long count, boolean accumulate) {
    if (terms.length == 2 && !accumulate && terms[0].type() == out.type()) {
      // libtorch adds two halves in fp32 and rounds once: the definition itself.
      try (PointerScope scope = new PointerScope()) {
        torch.add_out(
            out.view(outFrom, count), terms[0].view(from[0], count), terms[1].view(from[1], count));
      }
      return;
    }
    for (long done = 0; done < count; done += BLOCK) {
      try (PointerScope scope = new PointerScope()) {
        block(out, outFrom, terms, from, done, Math.min(BLOCK, count - done), accumulate);
      }
    }
  }

  private void block(
      Span out, long outFrom, Span[] terms, long[] from, long done, long n, boolean accumulate) {
    boolean wide = out.type() == ScalarType.Float;
    boolean wideTerms = terms[0].type() == ScalarType.Float;
    Tensor result = out.view(outFrom + done, n);
    Tensor converted = term.view(0, n);
    // Where the output is fp32 and no term lies in it, the sum grows there.
    Tensor partial = wide && !wideTerms && !accumulate ? result : sum.view(0, n);
    int last = terms.length - 1;
    for (int r = 0; r <= last; r++) {
      Tensor next = terms[r].view(from[r] + done, n);
      if (r == 0) {
        partial.copy_(next);
      } else if (r == last && wide && wideTerms && !accumulate) {
        torch.add_out(result, partial, next);
        return;
      } else {
        partial.add_(wideTerms ? next : converted.copy_(next));
      }
    }
    if (accumulate && wide) {
      result.add_(partial);
    } else if (accumulate) {
      result.copy_(partial.add_(converted.copy_(result)));
    } else if (!wide) {
      result.copy_(partial);
    }
  }

  @Override
  public void close() {
    sum.close();
    term.close();
  }
}
