package io.kiln.spark.inference;

import io.kiln.datasource.DataException;
import io.kiln.engine.infer.LoadedModel;
import io.kiln.engine.model.family.PerceptronDefinition;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;
import org.bytedeco.pytorch.global.torch;
import scala.collection.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Adds a column with an mlp's prediction: the class as a double, the value as a double, or the
 * values as an array of doubles where there are several; null where a feature is null or no finite
 * number, or an array has another length than the model's.
 *
 * @param model that predicts
 * @param columns indices of the features, in the order of training
 */
public record Prediction(ModelCopy model, List<Integer> columns)
    implements MapPartitionsFunction<Row, Row> {
  /** Rows that go through the model at once. */
  private static final int BATCH = 512;

  public Prediction {
    columns = List.copyOf(columns);
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    if (!rows.hasNext()) {
      return rows;
    }
    torch.set_num_threads(TaskContext.get().cpus());
    LoadedModel loaded = model.load();
    TaskCompletionListener done = context -> loaded.close();
    TaskContext.get().addTaskCompletionListener(done);
    PerceptronDefinition mlp = (PerceptronDefinition) loaded.definition();
    return new Iterator<>() {
      private Iterator<Row> ready = List.<Row>of().iterator();

      @Override
      public boolean hasNext() {
        return ready.hasNext() || rows.hasNext();
      }

      @Override
      public Row next() {
        if (!ready.hasNext()) {
          ready = batch(rows, loaded, mlp).iterator();
        }
        return ready.next();
      }
    };
  }

  private List<Row> batch(Iterator<Row> rows, LoadedModel loaded, PerceptronDefinition mlp) {
    List<Row> from = new ArrayList<>();
    while (rows.hasNext() && from.size() < BATCH) {
      from.add(rows.next());
    }
    List<Optional<float[]>> features = new ArrayList<>();
    for (Row row : from) {
      features.add(features(row, Math.toIntExact(mlp.inputSize())));
    }
    float[][] outputs =
        loaded.predict(features.stream().flatMap(Optional::stream).toArray(float[][]::new));
    List<Row> done = new ArrayList<>();
    int predicted = 0;
    for (int i = 0; i < from.size(); i++) {
      Object value = features.get(i).isPresent() ? told(outputs[predicted++], mlp) : null;
      done.add(TextContinuation.append(from.get(i), value));
    }
    return done;
  }

  private static Object told(float[] output, PerceptronDefinition mlp) {
    if (mlp.problem() == PerceptronDefinition.Problem.CLASSIFICATION) {
      int best = 0;
      for (int i = 1; i < output.length; i++) {
        if (output[i] > output[best]) {
          best = i;
        }
      }
      return (double) best;
    }
    if (output.length == 1) {
      return (double) output[0];
    }
    Double[] values = new Double[output.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (double) output[i];
    }
    return values;
  }

  /** What goes in; nothing where the row has not all of it, as training would not take it. */
  private Optional<float[]> features(Row row, int width) {
    float[] features = new float[width];
    int at = 0;
    boolean whole = true;
    for (int column : columns) {
      for (double number : numbers(row.get(column), row.schema().fieldNames()[column])) {
        if (at < width) {
          features[at] = (float) number;
          whole &= Float.isFinite(features[at]);
        }
        at++;
      }
    }
    return whole && at == width ? Optional.of(features) : Optional.empty();
  }

  /** The numbers of a value; NaN for a null. */
  private static double[] numbers(Object value, String column) {
    if (value instanceof Seq<?> several) {
      return CollectionConverters.asJava(several).stream()
          .mapToDouble(element -> number(element, column))
          .toArray();
    }
    if (value != null && value.getClass().getName().startsWith("org.apache.spark.ml.linalg.")) {
      return vector(value);
    }
    return new double[] {number(value, column)};
  }

  private static double number(Object value, String column) {
    if (value == null) {
      return Double.NaN;
    }
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    if (value instanceof Boolean flag) {
      return flag ? 1 : 0;
    }
    throw new DataException(
        "column \""
            + column
            + "\" holds "
            + value
            + " where a number or an array of numbers belongs");
  }

  /** Spark ML is not on the class path where it is not used. */
  private static double[] vector(Object value) {
    try {
      return (double[]) value.getClass().getMethod("toArray").invoke(value);
    } catch (ReflectiveOperationException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
