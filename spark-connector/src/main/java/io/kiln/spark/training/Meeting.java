package io.kiln.spark.training;

import io.kiln.engine.comm.Communicator;
import io.kiln.engine.comm.Membership;
import io.kiln.engine.comm.Rendezvous;
import io.kiln.engine.comm.StoreServer;
import io.kiln.engine.comm.Transport;
import io.kiln.engine.tensor.ComputeDevice;
import io.kiln.spark.barrier.RankContext;
import java.time.Duration;
import java.util.Optional;

/**
 * The ranks of one attempt, met: rank 0 opens the store on its executor's own interface and tells
 * its address through the barrier; then all join. A task that Spark ends aborts the group, so that
 * no collective waits for it.
 */
final class Meeting implements AutoCloseable {
  private final Optional<StoreServer> store;
  private final Communicator communicator;
  private boolean closed;

  private Meeting(Optional<StoreServer> store, Communicator communicator) {
    this.store = store;
    this.communicator = communicator;
  }

  static Meeting of(RankContext context, Duration timeout) {
    context.at(RankContext.MEETING, 0);
    ComputeDevice device = context.device();
    String host = RankContext.host();
    Optional<StoreServer> store =
        context.rank() == 0 && context.size() > 1
            ? Optional.of(StoreServer.open(host))
            : Optional.empty();
    try {
      String address = context.allGather(store.map(StoreServer::address).orElse("")).get(0);
      Membership membership =
          new Membership(
              context.rank(),
              context.size(),
              host,
              address,
              "kiln/attempt-" + context.attempt(),
              timeout,
              device.name());
      Communicator communicator =
          Rendezvous.join(
              membership,
              device.isGpu() && context.size() > 1 ? Transport.NCCL : Transport.AUTOMATIC,
              context::askedToEnd);
      Meeting meeting = new Meeting(store, communicator);
      context.whenAskedToEnd(meeting::abort);
      return meeting;
    } catch (RuntimeException | Error failed) {
      store.ifPresent(StoreServer::close);
      throw failed;
    }
  }

  Communicator communicator() {
    return communicator;
  }

  private synchronized void abort() {
    if (!closed) {
      communicator.abort("the job is ending");
    }
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    communicator.close();
    store.ifPresent(StoreServer::close);
  }
}
