package io.kiln.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A job that is as small as one can be, on a text that can be learnt. */
record TinyJob(Path file, Path output) {
  static TinyJob in(Path folder) throws IOException {
    Files.writeString(folder.resolve("corpus.txt"), "the quick brown fox\n".repeat(200));
    Path output = folder.resolve("out");
    Path file = folder.resolve("job.json");
    Files.writeString(
        file,
        """
        {
          "model": {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 16,
                    "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0},
          "data": {"path": "%s", "tokenizer": "chars"},
          "deepspeed": {"train_batch_size": 8,
                        "optimizer": {"type": "AdamW", "params": {"lr": 0.01}},
                        "zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0}},
          "training": {"max_steps": 40, "eval_interval": 20},
          "output_dir": "%s"
        }
        """
            .formatted(folder.resolve("corpus.txt"), output));
    return new TinyJob(file, output);
  }
}
