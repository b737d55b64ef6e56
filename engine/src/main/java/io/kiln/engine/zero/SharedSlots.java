package io.kiln.engine.zero;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Which buffer each block uses where blocks share buffers. Neighbours alternate between two, so
 * that one can be on its way while the other computes; a block that a later one borrows from keeps
 * a buffer to itself, because it is in use at both ends of the chain.
 *
 * @param slotOf by block; -1 where the block needs none
 * @param elements by slot: as many as its largest block has
 */
record SharedSlots(List<Integer> slotOf, List<Long> elements) {
  SharedSlots {
    slotOf = List.copyOf(slotOf);
    elements = List.copyOf(elements);
  }

  /**
   * @param layouts of all blocks
   * @param needs whether a block takes part
   * @param lender whether a block is borrowed from
   * @param alternating how many buffers the others share
   */
  static SharedSlots assign(
      List<FlatLayout> layouts, IntPredicate needs, IntPredicate lender, int alternating) {
    List<Integer> slotOf = new ArrayList<>();
    List<Long> elements = new ArrayList<>();
    for (int i = 0; i < alternating; i++) {
      elements.add(0L);
    }
    int next = 0;
    for (int block = 0; block < layouts.size(); block++) {
      long size = layouts.get(block).elements();
      if (!needs.test(block)) {
        slotOf.add(-1);
      } else if (lender.test(block)) {
        slotOf.add(elements.size());
        elements.add(size);
      } else {
        int slot = next++ % alternating;
        slotOf.add(slot);
        elements.set(slot, Math.max(elements.get(slot), size));
      }
    }
    return new SharedSlots(slotOf, elements);
  }

  /** Elements of all buffers together. */
  long totalElements() {
    return elements.stream().mapToLong(Long::longValue).sum();
  }
}
