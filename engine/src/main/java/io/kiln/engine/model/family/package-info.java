/**
 * Model families: a Hugging Face {@code config.json} becomes a {@link
 * io.kiln.engine.model.family.ModelDefinition} and that becomes one again. A family is one file.
 */
package io.kiln.engine.model.family;
