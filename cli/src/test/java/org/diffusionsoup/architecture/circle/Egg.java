package org.diffusionsoup.architecture.circle;

/** Refers to {@link Hen}, which refers back: what ArchitectureTest has to see. */
public record Egg(Hen becomes) {}
