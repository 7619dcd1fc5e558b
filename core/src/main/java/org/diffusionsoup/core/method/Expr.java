package org.diffusionsoup.core.method;

/** A node of a merge: a weight or a delta. Immutable. */
public sealed interface Expr permits WeightExpr, DeltaExpr {}
