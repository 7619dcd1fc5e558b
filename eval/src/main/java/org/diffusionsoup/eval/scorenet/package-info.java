/**
 * Small networks that learn the scores of distributions in the plane, and what averages of their
 * predictions and of their weights sample: Propositions 1 and 2 with networks in place of exact
 * scores.
 */
@NullMarked
package org.diffusionsoup.eval.scorenet;

import org.jspecify.annotations.NullMarked;
