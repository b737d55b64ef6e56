package io.kiln.spark.barrier;

import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcTimeout;
import org.apache.spark.util.RpcUtils;
import scala.concurrent.ExecutionContext;
import scala.concurrent.duration.FiniteDuration;
import scala.reflect.ClassTag$;

/** A rank's end of the stream to the driver. Safe to use from several threads. */
final class RankChannel {
  private static final FiniteDuration AN_ANSWER = new FiniteDuration(5, TimeUnit.SECONDS);

  private final RpcEndpointRef driver;

  /**
   * Finds the driver's end.
   *
   * @param name that {@link DriverEndpoint} has
   */
  RankChannel(String name) {
    SparkEnv env = SparkEnv.get();
    this.driver = RpcUtils.makeDriverRef(name, env.conf(), env.rpcEnv());
  }

  /** Sends and goes on. */
  void send(RankMessage message) {
    driver.send(message.toJson());
  }

  /**
   * Sends, goes on, and does something if the driver answers yes.
   *
   * @param yes called on one of Spark's threads
   */
  void ask(RankMessage message, Runnable yes) {
    driver
        .<Object>ask(message.toJson(), ClassTag$.MODULE$.apply(Object.class))
        .foreach(
            answer -> {
              if (Boolean.TRUE.equals(answer)) {
                yes.run();
              }
              return null;
            },
            ExecutionContext.parasitic$.MODULE$);
  }

  /** Sends and waits, five seconds at the most, for the driver's answer. */
  boolean askAndWait(RankMessage message) {
    Object answer =
        driver.<Object>askSync(
            message.toJson(),
            new RpcTimeout(AN_ANSWER, "five seconds"),
            ClassTag$.MODULE$.apply(Object.class));
    return Boolean.TRUE.equals(answer);
  }
}
