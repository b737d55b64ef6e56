package io.kiln.engine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StepClockTest {
  @Test
  void what_passes_between_two_steps_belongs_to_the_second() throws InterruptedException {
    StepClock clock = new StepClock();
    clock.begin();
    clock.lap(StepClock.Phase.UPDATE);
    assertEquals(0, clock.times().between());
    Thread.sleep(5);
    clock.begin();
    clock.lap(StepClock.Phase.UPDATE);
    StepTimes second = clock.times();
    assertTrue(second.between() >= 5, second::toString);
    assertEquals(second.between() + second.update(), second.wall());
    assertEquals(second.update(), second.total());
  }
}
