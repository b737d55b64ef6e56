/** Runs that are disturbed on purpose: killed, frozen, and watched from outside as they go on. */
package io.kiln.it.chaos;
