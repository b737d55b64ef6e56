package io.kiln.spark.barrier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs what a person should hear even where nobody listens. */
public final class LoggedRemarks implements RunListener {
  private static final Logger LOG = LoggerFactory.getLogger("io.kiln.spark");

  @Override
  public void onRemark(int rank, String line) {
    LOG.warn("rank {}: {}", rank, line);
  }

  @Override
  public void onResume(long step, String where) {
    LOG.info("the training goes on after step {} from {}", step, where);
  }

  @Override
  public void onBeginning() {
    LOG.info("the training begins with step 1: there is no checkpoint to go on from");
  }

  @Override
  public void onRestart(int attempt, String cause) {
    LOG.warn("all ranks start again: {}", cause);
  }
}
