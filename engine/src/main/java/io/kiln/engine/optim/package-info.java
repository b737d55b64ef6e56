/**
 * Optimizers on flat shards, learning-rate schedules, loss scaling, parameter groups. Knows neither
 * ranks nor blocks: a slice of a flat tensor is all it sees.
 */
package io.kiln.engine.optim;
