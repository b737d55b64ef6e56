package io.kiln.engine.comm;

import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * Says what goes through another communicator: when a collective leaves, when somebody first waits
 * for it, and what a reduction carries.
 */
public final class RecordingCommunicator implements Communicator {
  private final Communicator communicator;
  private final LongFunction<String> names;
  private final Consumer<String> events;
  private final Consumer<Tensor> reductions;

  /**
   * @param names of what is exchanged, by the elements of a rank's shard of it
   * @param events hears {@code "gather NAME leaves"}, {@code "reduce NAME is awaited"} and so on
   * @param reductions hears the input of every reduce-scatter
   */
  public RecordingCommunicator(
      Communicator communicator,
      LongFunction<String> names,
      Consumer<String> events,
      Consumer<Tensor> reductions) {
    this.communicator = communicator;
    this.names = names;
    this.events = events;
    this.reductions = reductions;
  }

  private Pending record(String event, Pending pending) {
    events.accept(event + " leaves");
    return new Pending() {
      private boolean awaited;

      @Override
      public void await() {
        if (!awaited) {
          events.accept(event + " is awaited");
          awaited = true;
        }
        pending.await();
      }
    };
  }

  @Override
  public Pending reduceScatter(Tensor input, Tensor output, boolean accumulate) {
    reductions.accept(input);
    return record(
        "reduce " + names.apply(output.numel()),
        communicator.reduceScatter(input, output, accumulate));
  }

  @Override
  public Pending allGather(Tensor shard, Tensor whole) {
    return record("gather " + names.apply(shard.numel()), communicator.allGather(shard, whole));
  }

  @Override
  public int rank() {
    return communicator.rank();
  }

  @Override
  public int size() {
    return communicator.size();
  }

  @Override
  public Pending allReduce(Tensor tensor) {
    return communicator.allReduce(tensor);
  }

  @Override
  public Pending broadcast(Tensor tensor, int root) {
    return communicator.broadcast(tensor, root);
  }

  @Override
  public Pending pass(Tensor output, int to, Tensor input, int from) {
    return communicator.pass(output, to, input, from);
  }

  @Override
  public Pending allToAll(Tensor input, Tensor output) {
    return communicator.allToAll(input, output);
  }

  @Override
  public double[] sum(double... values) {
    return communicator.sum(values);
  }

  @Override
  public void barrier() {
    communicator.barrier();
  }

  @Override
  public void checkUsable() {
    communicator.checkUsable();
  }

  @Override
  public void abort(String reason) {
    communicator.abort(reason);
  }

  @Override
  public long waitNanos() {
    return communicator.waitNanos();
  }

  @Override
  public void close() {
    communicator.close();
  }
}
