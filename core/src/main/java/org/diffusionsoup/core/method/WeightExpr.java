package org.diffusionsoup.core.method;

/** What gives the weights of a model, such as an ingredient or a mean of ingredients. */
public sealed interface WeightExpr extends Expr
        permits Load, WeightedMean, AddDelta, Slerp, FisherMean {}
