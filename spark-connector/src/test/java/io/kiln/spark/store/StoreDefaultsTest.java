package io.kiln.spark.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;

class StoreDefaultsTest {
  @Test
  void limits_are_set_where_only_hadoops_own_files_set_them() {
    Configuration given = new Configuration();
    assertEquals("7", given.get("fs.s3a.retry.limit"));
    Configuration complete = StoreDefaults.added(given);
    assertEquals("5", complete.get("fs.s3a.retry.limit"));
    assertEquals("7", given.get("fs.s3a.retry.limit"));
  }

  @Test
  void what_somebody_has_set_stays_even_if_it_is_hadoops_default() {
    Configuration given = new Configuration();
    given.set("fs.s3a.retry.limit", "7");
    assertEquals("7", StoreDefaults.added(given).get("fs.s3a.retry.limit"));
  }

  @Test
  void what_somebody_has_set_is_known_on_the_executors_too() throws IOException {
    Configuration given = new Configuration();
    given.set("fs.s3a.retry.limit", "9");
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    given.write(new DataOutputStream(bytes));
    Configuration arrived = new Configuration(false);
    arrived.readFields(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
    Configuration complete = StoreDefaults.added(arrived);
    assertEquals("9", complete.get("fs.s3a.retry.limit"));
    assertEquals("1", complete.get("fs.s3a.attempts.maximum"));
  }

  @Test
  void nothing_is_set_that_is_not_of_a_store() {
    Configuration given = new Configuration(false);
    Configuration complete = StoreDefaults.added(given);
    assertNull(complete.get("fs.defaultFS"));
    assertNotEquals(0, complete.size());
    complete.forEach(
        entry ->
            assertEquals(
                true,
                entry.getKey().startsWith("fs.s3a.") || entry.getKey().startsWith("ipc.client."),
                entry.getKey()));
  }
}
