/**
 * Judges and what may be concluded from their numbers.
 *
 * <p>A {@link org.diffusionsoup.eval.ScoreSet} holds one model's scores for every prompt and seed,
 * and names the {@link org.diffusionsoup.eval.Judge} that gave them. {@link
 * org.diffusionsoup.eval.ScoreTable} compares several models over the same prompts; {@link
 * org.diffusionsoup.eval.Bootstrap} gives the intervals; {@link org.diffusionsoup.eval.Retrieval}
 * measures whether a judge can see at all.
 */
@NullMarked
package org.diffusionsoup.eval;

import org.jspecify.annotations.NullMarked;
