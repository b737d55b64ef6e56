/**
 * The life of a training step: {@link io.kiln.engine.train.TrainStep} is the page that everything
 * else hangs on. A feature that needs an {@code if} there belongs in another room.
 */
package io.kiln.engine.train;
