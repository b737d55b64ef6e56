package io.kiln.engine.optim;

/** Native objects made ready for slices that will come again. */
interface Prepared extends AutoCloseable {
  @Override
  void close();
}
