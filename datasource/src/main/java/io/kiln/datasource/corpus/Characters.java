package io.kiln.datasource.corpus;

import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.catalyst.InternalRow;

/** The distinct characters of a text column. */
final class Characters {
  private Characters() {}

  /** In code point order; nulls have none. */
  static int[] of(JavaRDD<InternalRow> rows) {
    try {
      List<long[]> sets = rows.mapPartitions(Characters::collect).collect();
      BitSet all = new BitSet();
      sets.forEach(set -> all.or(BitSet.valueOf(set)));
      return all.stream().toArray();
    } catch (Exception e) {
      throw FailedJob.of(e);
    }
  }

  private static Iterator<long[]> collect(Iterator<InternalRow> rows) {
    BitSet set = new BitSet();
    while (rows.hasNext()) {
      InternalRow row = rows.next();
      if (!row.isNullAt(0)) {
        String text = row.getUTF8String(0).toString();
        for (int i = 0; i < text.length(); ) {
          int character = text.codePointAt(i);
          set.set(character);
          i += Character.charCount(character);
        }
      }
    }
    return List.of(set.toLongArray()).iterator();
  }
}
