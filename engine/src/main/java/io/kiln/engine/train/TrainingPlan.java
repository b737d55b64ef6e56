package io.kiln.engine.train;

import io.kiln.engine.config.DeepSpeedConfig;
import io.kiln.engine.model.Model;

/**
 * What is trained and how: the same on every rank.
 *
 * @param model closed by whoever made it, after the training
 * @param deepspeed batch sizes, optimizer, schedule, precision, ZeRO stage
 * @param seed of first values, dropout and the order of samples
 * @param device where this rank computes: {@code cpu} or {@code cuda:0}
 */
public record TrainingPlan(Model model, DeepSpeedConfig deepspeed, long seed, String device) {}
