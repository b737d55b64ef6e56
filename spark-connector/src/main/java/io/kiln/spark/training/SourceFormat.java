package io.kiln.spark.training;

import io.kiln.datasource.DataException;
import io.kiln.datasource.DataSection;
import io.kiln.engine.config.NearestName;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeSet;
import org.apache.spark.sql.sources.DataSourceRegister;

/** Whether Spark will know the format of the data, asked without a Spark that runs. */
final class SourceFormat {
  /** Settings that bring further sources, from where only Spark gets them. */
  private static final List<String> BRING_MORE =
      List.of("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath");

  private SourceFormat() {}

  /**
   * Looks where Spark looks: at the names that sources on the class path register. A name with a
   * dot is a class and left to Spark, as is all where more may be on the class path later.
   *
   * @param conf Spark's settings in the job
   * @param environment of the driver; its SPARK_CONF_DIR may hold settings too
   * @throws DataException if there is none of that name
   */
  static void require(String format, Map<String, String> conf, Map<String, String> environment) {
    if (format.equals(DataSection.TEXT)
        || format.contains(".")
        || BRING_MORE.stream().anyMatch(conf::containsKey)
        || environment.containsKey("SPARK_CONF_DIR")) {
      return;
    }
    TreeSet<String> known = registered();
    if (known.stream().noneMatch(format::equalsIgnoreCase)) {
      throw new DataException(
          "data.format: Spark has no source \""
              + format
              + "\": "
              + NearestName.of(format, known)
                  .map(near -> "did you mean \"" + near + "\"?")
                  .orElse(
                      "it has text, parquet, json, csv, orc and more; spark.conf.spark.jars or"
                          + " spark.conf.spark.jars.packages bring others"));
    }
  }

  private static TreeSet<String> registered() {
    TreeSet<String> names = new TreeSet<>();
    Iterator<DataSourceRegister> sources = ServiceLoader.load(DataSourceRegister.class).iterator();
    while (true) {
      try {
        if (!sources.hasNext()) {
          return names;
        }
        names.add(sources.next().shortName());
      } catch (ServiceConfigurationError | LinkageError unusable) {
        // A source whose own libraries are missing is none; the next one may be.
      }
    }
  }
}
