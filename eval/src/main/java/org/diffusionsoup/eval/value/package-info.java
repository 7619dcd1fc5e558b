/**
 * What each player of a game is worth: Shapley values and leave-one-out values from the scores of
 * coalitions. A player is an ingredient of a soup or a group of them, a coalition one average. No
 * models, no pictures: scores come as numbers.
 */
@NullMarked
package org.diffusionsoup.eval.value;

import org.jspecify.annotations.NullMarked;
