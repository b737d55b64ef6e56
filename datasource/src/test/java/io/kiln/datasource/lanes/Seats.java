package io.kiln.datasource.lanes;

/** Which sample sits where: what {@link Lanes#position} says, turned round by asking for all. */
public final class Seats {
  private final Lanes lanes;
  private final long[][] samples;

  public Seats(Lanes lanes) {
    this.lanes = lanes;
    this.samples = new long[lanes.globalBatch()][];
    for (int lane = 0; lane < samples.length; lane++) {
      samples[lane] = new long[Math.toIntExact(lanes.length(lane))];
    }
    for (long sample = 0; sample < lanes.samples(); sample++) {
      long position = lanes.position(sample);
      samples[lanes.lane(position)][Math.toIntExact(lanes.place(position))] = sample;
    }
  }

  /** The sample that a lane gives to a step: row {@code lane} of the global batch. */
  public long sampleAt(long step, int lane) {
    return samples[lane][Math.toIntExact(lanes.placeAt(step, lane))];
  }
}
