/** Text to token ids and back. Knows nothing of Spark; what is here travels to its tasks. */
package io.kiln.datasource.tokenizer;
