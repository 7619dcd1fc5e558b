/**
 * How good a model is: scores, evaluations by recipe, memorization audits, the judges themselves
 * and the studies of the paper.
 */
@NullMarked
package org.diffusionsoup.cli.judge;

import org.jspecify.annotations.NullMarked;
