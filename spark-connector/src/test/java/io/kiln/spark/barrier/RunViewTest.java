package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunViewTest {
  private final List<String> heard = new ArrayList<>();

  private final RunView view =
      new RunView(
          new RunListener() {
            @Override
            public void onRestart(int attempt, String cause) {
              heard.add("attempt " + attempt + ": " + cause);
            }

            @Override
            public void onBeginning() {
              heard.add("beginning");
            }
          },
          attempt -> "cause " + attempt);

  private void send(RankMessage message) {
    view.accept(RankMessage.ofJson(message.toJson()));
  }

  @Test
  void a_new_start_is_told_with_its_own_cause_and_then_where_it_begins() {
    send(new RankMessage.BegunAnew(0, 0));
    send(new RankMessage.BegunAnew(0, 1));
    send(new RankMessage.BegunAnew(0, 0));
    send(new RankMessage.Resumed(0, 2, 7, "there"));
    assertEquals(
        List.of("beginning", "attempt 1: cause 1", "beginning", "attempt 2: cause 2"), heard);
  }
}
