package org.diffusionsoup.core.method;

/**
 * What gives a direction in weight space: a difference of weights (a task vector), or what was made
 * of such. Not a model: it has to be added to one.
 */
public sealed interface DeltaExpr extends Expr permits Difference, DeltaSum, Ties, Dare {}
