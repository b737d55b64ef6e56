package io.kiln.it;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** HDFS in the tests' own JVM: a namenode and datanodes on ports of this machine. */
final class HdfsCluster implements AutoCloseable {
  /** Small, so that a file of a test has several. */
  static final int BLOCK = 4 << 20;

  private final MiniDFSCluster cluster;

  private HdfsCluster(MiniDFSCluster cluster) {
    this.cluster = cluster;
  }

  /**
   * Starts one.
   *
   * @param folder for its files
   */
  static HdfsCluster start(Path folder, int datanodes) throws IOException {
    Configuration configuration = new Configuration();
    configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.toString());
    configuration.setInt("dfs.blocksize", BLOCK);
    configuration.setInt("dfs.replication", datanodes);
    MiniDFSCluster cluster =
        new MiniDFSCluster.Builder(configuration).numDataNodes(datanodes).build();
    cluster.waitClusterUp();
    return new HdfsCluster(cluster);
  }

  /** Its root: {@code hdfs://host:port}. */
  String uri() {
    return cluster.getURI().toString();
  }

  /** What a client needs besides the address: the size of a block and how often it is kept. */
  Configuration configuration() {
    Configuration configuration = new Configuration();
    configuration.set("dfs.blocksize", cluster.getConfiguration(0).get("dfs.blocksize"));
    configuration.set("dfs.replication", cluster.getConfiguration(0).get("dfs.replication"));
    return configuration;
  }

  /** As its administrator sees it. */
  DistributedFileSystem files() throws IOException {
    return cluster.getFileSystem();
  }

  /** Ends a datanode; nobody is told. */
  void killDatanode(int index) {
    cluster.stopDataNode(index);
  }

  /** Ends the namenode. */
  void killNamenode() {
    cluster.shutdownNameNode(0);
  }

  /** Starts the namenode again, at its old address. */
  void restartNamenode() throws IOException {
    cluster.restartNameNode(0);
  }

  @Override
  public void close() {
    cluster.close();
  }
}
