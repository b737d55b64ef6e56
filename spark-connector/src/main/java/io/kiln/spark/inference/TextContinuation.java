package io.kiln.spark.inference;

import io.kiln.datasource.DataException;
import io.kiln.datasource.tokenizer.Tokenizer;
import io.kiln.engine.infer.LoadedModel;
import io.kiln.engine.infer.TextGenerator;
import java.util.Arrays;
import java.util.Iterator;
import java.util.OptionalLong;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;
import org.bytedeco.pytorch.global.torch;

/**
 * Adds a column with the continuation of a column of text: null for null, and for a text that has
 * nothing to continue from or a character that the model does not know.
 *
 * @param model that continues
 * @param column index of the text
 * @param generation how it is continued
 */
public record TextContinuation(ModelCopy model, int column, Generation generation)
    implements MapPartitionsFunction<Row, Row> {
  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    if (!rows.hasNext()) {
      return rows;
    }
    torch.set_num_threads(TaskContext.get().cpus());
    LoadedModel loaded = model.load();
    TaskCompletionListener closesModel = context -> loaded.close();
    TaskContext.get().addTaskCompletionListener(closesModel);
    Tokenizer tokenizer = model.requiredTokenizer();
    TaskCompletionListener closesTokenizer = context -> tokenizer.close();
    TaskContext.get().addTaskCompletionListener(closesTokenizer);
    TextGenerator generator = new TextGenerator(loaded, tokenizer.vocabularySize());
    return new Iterator<>() {
      private long row;

      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        Row from = rows.next();
        Object text = from.get(column);
        String continued =
            text == null ? null : continuation(generator, tokenizer, text.toString(), row++);
        return append(from, continued);
      }
    };
  }

  private String continuation(TextGenerator generator, Tokenizer tokenizer, String text, long row) {
    long[] prompt = prompt(tokenizer, text);
    if (!generator.takes(prompt)) {
      return null;
    }
    OptionalLong stop =
        tokenizer.endOfText().isPresent()
            ? OptionalLong.of(tokenizer.endOfText().getAsInt())
            : OptionalLong.empty();
    long[] generated =
        generator.generate(prompt, generation.newTokens(), generation.sampling(row), stop);
    return tokenizer.decode(Arrays.stream(generated).mapToInt(Math::toIntExact).toArray());
  }

  /** What is continued; nothing where the tokenizer cannot spell the text. */
  private static long[] prompt(Tokenizer tokenizer, String text) {
    try {
      int[] tokens = tokenizer.encode(text);
      return tokens.length == 0 && tokenizer.endOfText().isPresent()
          ? new long[] {tokenizer.endOfText().getAsInt()}
          : Arrays.stream(tokens).asLongStream().toArray();
    } catch (DataException unspellable) {
      return new long[0];
    }
  }

  static Row append(Row from, Object value) {
    Object[] values = new Object[from.size() + 1];
    for (int i = 0; i < from.size(); i++) {
      values[i] = from.get(i);
    }
    values[from.size()] = value;
    return RowFactory.create(values);
  }
}
