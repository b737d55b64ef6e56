package io.kiln.engine.optim;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Puts slices of equal rates together and keeps what was prepared for them as long as the same
 * tensors come again: a step of a small model would otherwise be spent on boxing lists.
 *
 * @param <C> what is prepared for slices of equal rates
 */
final class SlicesByRates<C extends Prepared> implements AutoCloseable {
  private record Part<T>(List<Integer> members, T prepared) {}

  private final Function<List<Slice>, C> prepare;
  private List<Slice> seen = List.of();
  private List<Part<C>> parts = List.of();

  SlicesByRates(Function<List<Slice>, C> prepare) {
    this.prepare = prepare;
  }

  /** Hands out what was prepared for each set of slices that share their rates. */
  void forEach(List<Slice> slices, BiConsumer<C, Rates> action) {
    if (!stillFits(slices)) {
      rebuild(slices);
    }
    for (Part<C> part : parts) {
      action.accept(part.prepared(), slices.get(part.members().get(0)).rates());
    }
  }

  /** Two sets whose rates happen to be equal at one step stay apart: that is right as well. */
  private boolean stillFits(List<Slice> slices) {
    if (slices.size() != seen.size()) {
      return false;
    }
    for (int i = 0; i < slices.size(); i++) {
      if (!sameTensors(slices.get(i), seen.get(i))) {
        return false;
      }
    }
    for (Part<C> part : parts) {
      Rates first = slices.get(part.members().get(0)).rates();
      for (int member : part.members()) {
        Rates rates = slices.get(member).rates();
        if (rates != first && !rates.equals(first)) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean sameTensors(Slice a, Slice b) {
    if (a.parameter() != b.parameter()
        || a.gradient() != b.gradient()
        || a.state().size() != b.state().size()) {
      return false;
    }
    for (int i = 0; i < a.state().size(); i++) {
      if (a.state().get(i) != b.state().get(i)) {
        return false;
      }
    }
    return true;
  }

  private void rebuild(List<Slice> slices) {
    close();
    Map<Rates, List<Integer>> members = new LinkedHashMap<>();
    for (int i = 0; i < slices.size(); i++) {
      if (slices.get(i).parameter().numel() > 0) {
        members.computeIfAbsent(slices.get(i).rates(), r -> new ArrayList<>()).add(i);
      }
    }
    List<Part<C>> built = new ArrayList<>();
    parts = built;
    for (List<Integer> indices : members.values()) {
      List<Slice> part = indices.stream().map(slices::get).toList();
      built.add(new Part<>(indices, prepare.apply(part)));
    }
    seen = List.copyOf(slices);
  }

  @Override
  public void close() {
    parts.forEach(part -> part.prepared().close());
    parts = List.of();
    seen = List.of();
  }
}
