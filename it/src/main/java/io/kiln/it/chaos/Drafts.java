package io.kiln.it.chaos;

import io.kiln.engine.checkpoint.CheckpointFolder;
import io.kiln.engine.checkpoint.CheckpointManifest;
import io.kiln.engine.checkpoint.CheckpointStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;

/**
 * The unfinished checkpoints of a run, as seen from outside: hidden folders, and folders without a
 * manifest that are newer than the newest checkpoint (an older one is just being removed).
 */
record Drafts(CheckpointStore store) {
  private static final String HIDDEN = ".";
  private static final String DRAFT = HIDDEN + "global_step";

  /** Their names; none where nothing is written. */
  List<String> names() throws IOException {
    List<String> drafts = new ArrayList<>();
    List<Long> steps = new ArrayList<>();
    for (String name : store.list("")) {
      OptionalLong step = CheckpointFolder.step(name);
      if (step.isPresent()) {
        steps.add(step.getAsLong());
      } else if (name.startsWith(DRAFT)) {
        drafts.add(name);
      }
    }
    steps.sort(Comparator.reverseOrder());
    for (long step : steps) {
      String name = CheckpointFolder.name(step);
      if (store.list(name).contains(CheckpointManifest.FILE)) {
        break;
      }
      drafts.add(name);
    }
    return drafts;
  }

  /** Everything that is no checkpoint and should not be there after a run. */
  List<String> left() throws IOException {
    List<String> left = new ArrayList<>(names());
    for (String name : store.list("")) {
      if (name.startsWith(HIDDEN) && !left.contains(name)) {
        left.add(name);
      }
    }
    return left.stream().map(name -> store.location() + "/" + name).toList();
  }
}
