package io.kiln.it.chaos;

import java.util.Arrays;
import java.util.List;

/** When a process is killed. */
public enum Moment {
  /** Early in a step. */
  FORWARD("forward"),
  /** Late in a step: gradients leave during backward and are waited for behind it. */
  REDUCE("backward and reduce"),
  /** While a checkpoint is a draft. */
  CHECKPOINT("a checkpoint write"),
  /** While all ranks start again for the kill before. */
  STARTING("a new start"),
  /** Whatever goes on. */
  ANY("any moment");

  private final String told;

  Moment(String told) {
    this.told = told;
  }

  @Override
  public String toString() {
    return told;
  }

  /** Moments for so many kills: each kind in turn. */
  public static List<Moment> cycle(int kills) {
    Moment[] turn = {CHECKPOINT, REDUCE, STARTING, FORWARD, CHECKPOINT, REDUCE, FORWARD, ANY};
    Moment[] all = new Moment[kills];
    Arrays.setAll(all, i -> turn[i % turn.length]);
    return List.of(all);
  }
}
