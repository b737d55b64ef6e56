package io.kiln.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data and output on a file system that is not the machine's own. */
class HadoopOutputTest {
  @TempDir Path folder;

  @Test
  void a_job_reads_from_hdfs_and_leaves_its_model_there() throws Exception {
    TinyJob job = TinyJob.in(folder);
    Configuration conf = new Configuration();
    conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.resolve("hdfs").toString());
    try (MiniDFSCluster hdfs = new MiniDFSCluster.Builder(conf).numDataNodes(1).build()) {
      hdfs.waitClusterUp();
      FileSystem files = hdfs.getFileSystem();
      files.copyFromLocalFile(
          new org.apache.hadoop.fs.Path(folder.resolve("corpus.txt").toUri()),
          new org.apache.hadoop.fs.Path("/corpus.txt"));
      String output = hdfs.getURI() + "/models/tiny";
      String[] arguments = {
        "train",
        job.file().toString(),
        "--set",
        "data.path=" + hdfs.getURI() + "/corpus.txt",
        "--set",
        "output_dir=" + output,
        "--set",
        "training.max_steps=10"
      };
      try (KilnRun run = KilnRun.start(folder, arguments)) {
        assertEquals(0, run.await(Duration.ofMinutes(3)), run.said());
        assertTrue(run.out().contains("the model is in " + output), run.out());
        assertTrue(run.out().contains("--- sample"), run.out());
      }
      org.apache.hadoop.fs.Path model = new org.apache.hadoop.fs.Path(output);
      try (InputStream in = files.open(new org.apache.hadoop.fs.Path(model, "summary.json"))) {
        assertEquals(10, new ObjectMapper().readTree(in).get("steps").asInt());
      }
      try (InputStream in = files.open(new org.apache.hadoop.fs.Path(model, "metrics.jsonl"))) {
        String lines = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(10, lines.lines().count());
      }
      assertTrue(files.exists(new org.apache.hadoop.fs.Path(model, "model.safetensors")));
      for (FileStatus entry : files.listStatus(model)) {
        assertFalse(entry.getPath().getName().endsWith(".unfinished"), entry.toString());
      }
      // What is there already is refused there too.
      try (KilnRun again = KilnRun.ended(folder, arguments)) {
        assertEquals(2, again.status(), again.said());
        assertTrue(again.err().contains("exists"), again.err());
      }
    }
  }
}
