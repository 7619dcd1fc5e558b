package org.diffusionsoup.architecture.circle;

/** Refers to {@link Egg}, which refers back: what ArchitectureTest has to see. */
public record Hen(Egg lays) {}
