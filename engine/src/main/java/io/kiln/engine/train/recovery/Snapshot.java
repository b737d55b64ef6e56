package io.kiln.engine.train.recovery;

import io.kiln.engine.checkpoint.Piece;
import io.kiln.engine.tensor.NativeOwner;
import io.kiln.engine.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A copy of a rank's pieces in one flat tensor of host memory, made once and overwritten as often
 * as wanted, so that the next step can move the originals while this is written, sent or kept.
 */
final class Snapshot implements AutoCloseable {
  /** 64 bytes of fp32. */
  private static final long ALIGNMENT = 16;

  private final NativeOwner owner = new NativeOwner();
  private final List<Piece> pieces = new ArrayList<>();
  private final Tensor memory;

  /**
   * Allocates it.
   *
   * @param runs what is copied, with or without values
   * @param kinds names of the values of each
   * @param elements of the flat tensor, at least {@link #elements}
   */
  Snapshot(List<Piece> runs, List<String> kinds, long elements) {
    try (PointerScope scope = new PointerScope();
        Device cpu = new Device("cpu")) {
      this.memory = owner.own(Tensors.zeros(ScalarType.Float, cpu, elements));
      long at = 0;
      for (Piece run : runs) {
        Map<String, Tensor> values = new LinkedHashMap<>();
        for (String kind : kinds) {
          values.put(kind, owner.own(memory.narrow(0, at, run.elements())));
          at += aligned(run.elements());
        }
        pieces.add(new Piece(run.parameter(), run.begin(), run.elements(), values));
      }
    } catch (RuntimeException | Error e) {
      owner.close();
      throw e;
    }
  }

  /** Elements that a copy needs. */
  static long elements(List<Piece> runs, int kinds) {
    return kinds * runs.stream().mapToLong(run -> aligned(run.elements())).sum();
  }

  private static long aligned(long elements) {
    return (elements + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * Copies values as they are now.
   *
   * @param originals of the runs that this was made for, in the same order
   */
  void take(List<Piece> originals) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      for (int i = 0; i < pieces.size(); i++) {
        Map<String, Tensor> live = originals.get(i).values();
        pieces.get(i).values().forEach((kind, copy) -> copy.copy_(live.get(kind)));
      }
    }
  }

  /** Copies what this and {@code targets} have in common into the targets. */
  void give(List<Piece> targets) {
    Map<String, Piece> held = new HashMap<>();
    pieces.forEach(piece -> held.put(piece.parameter(), piece));
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      for (Piece target : targets) {
        Piece source = held.get(target.parameter());
        if (source == null) {
          continue;
        }
        long begin = Math.max(source.begin(), target.begin());
        long end = Math.min(source.begin() + source.elements(), target.begin() + target.elements());
        if (begin < end) {
          target
              .values()
              .forEach(
                  (kind, value) ->
                      value
                          .narrow(0, begin - target.begin(), end - begin)
                          .copy_(
                              source
                                  .values()
                                  .get(kind)
                                  .narrow(0, begin - source.begin(), end - begin)));
        }
      }
    }
  }

  /** The copies. */
  List<Piece> pieces() {
    return pieces;
  }

  /** {@code [elements]} fp32: all of it. */
  Tensor memory() {
    return memory;
  }

  long bytes() {
    return memory.nbytes();
  }

  @Override
  public void close() {
    owner.close();
  }
}
