package io.kiln.spark.barrier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What becomes of a run whose listeners fail. */
class ListenersTest {
  private final List<String> heard = new ArrayList<>();
  private final List<String> log = new ArrayList<>();

  private static final class Broken implements RunListener {
    @Override
    public void onRemark(int rank, String line) {
      throw new IllegalStateException("the dashboard is away\nat line 2");
    }

    @Override
    public void onBeginning() {
      throw new StackOverflowError();
    }
  }

  private final RunListener keen =
      new RunListener() {
        @Override
        public void onRemark(int rank, String line) {
          heard.add(line);
        }

        @Override
        public void onBeginning() {
          heard.add("beginning");
        }
      };

  @Test
  void who_hears_after_one_that_throws_hears_all_the_same() {
    RunListener all = new Listeners(List.of(new Broken(), keen), log::add);
    all.onRemark(0, "one");
    all.onBeginning();
    all.onRemark(0, "two");
    assertEquals(List.of("one", "beginning", "two"), heard);
  }

  @Test
  void a_listener_that_throws_is_told_once_in_one_line() {
    RunListener all = new Listeners(List.of(new Broken(), keen), log::add);
    all.onRemark(0, "one");
    all.onBeginning();
    all.onRemark(0, "two");
    assertEquals(1, log.size(), log.toString());
    String line = log.get(0);
    assertTrue(
        line.startsWith(
            "the listener io.kiln.spark.barrier.ListenersTest$Broken threw in onRemark (the"
                + " dashboard is away): the run goes on"),
        line);
    assertEquals(1, line.lines().count());
  }

  @Test
  void each_that_throws_is_told() {
    RunListener all = new Listeners(List.of(new Broken(), new Broken()), log::add);
    all.onRemark(0, "one");
    assertEquals(2, log.size(), log.toString());
  }
}
