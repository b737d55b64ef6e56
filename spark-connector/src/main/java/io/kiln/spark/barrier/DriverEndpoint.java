package io.kiln.spark.barrier;

import java.util.function.Predicate;
import org.apache.spark.rpc.RpcCallContext;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.rpc.ThreadSafeRpcEndpoint;
import scala.PartialFunction;
import scala.PartialFunction$;
import scala.runtime.BoxedUnit;

/**
 * The driver's end of the ranks' stream. It is an endpoint of Spark's own messaging, which has
 * Spark's authentication and encryption and opens no further port; Spark's barrier coordinator is
 * one too. The interface is not part of Spark's public API: only this class and {@link RankChannel}
 * use it.
 */
final class DriverEndpoint implements ThreadSafeRpcEndpoint, AutoCloseable {
  private final RpcEnv env;
  private final RpcEndpointRef reference;
  private final Predicate<RankMessage> receiver;

  /**
   * @param receiver called by one thread at a time; must not block; its answer goes back to a rank
   *     that asks
   */
  DriverEndpoint(RpcEnv env, String name, Predicate<RankMessage> receiver) {
    this.env = env;
    this.receiver = receiver;
    this.reference = env.setupEndpoint(name, this);
  }

  @Override
  public RpcEnv rpcEnv() {
    return env;
  }

  @Override
  public PartialFunction<Object, BoxedUnit> receive() {
    return PartialFunction$.MODULE$.fromFunction(
        message -> {
          receiver.test(RankMessage.ofJson((String) message));
          return BoxedUnit.UNIT;
        });
  }

  @Override
  public PartialFunction<Object, BoxedUnit> receiveAndReply(RpcCallContext context) {
    return PartialFunction$.MODULE$.fromFunction(
        message -> {
          context.reply(receiver.test(RankMessage.ofJson((String) message)));
          return BoxedUnit.UNIT;
        });
  }

  @Override
  public void close() {
    env.stop(reference);
  }
}
