package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;

/**
 * A random function of coefficients, the same for the same seed; coarse ones give many ties. Counts
 * how often it is asked, and can die.
 */
final class SyntheticScorer implements Scorer, CandidateSoups {
    /** What a kill looks like from inside. */
    static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    final int n;
    private final int prompts;
    private final long seed;
    private final int levels;
    final List<Candidate> asked = new ArrayList<>();
    int dieAt = Integer.MAX_VALUE;

    /**
     * @param levels how many different values a score has: few make ties
     */
    SyntheticScorer(int n, int prompts, long seed, int levels) {
        this.n = n;
        this.prompts = prompts;
        this.seed = seed;
        this.levels = levels;
    }

    SyntheticScorer again() {
        return new SyntheticScorer(n, prompts, seed, levels);
    }

    @Override
    public SortedMap<String, String> identity() {
        return new TreeMap<>(java.util.Map.of("scorer", "synthetic", "seed", seed + "/" + levels));
    }

    @Override
    public List<Choice> choices() {
        return IntStream.range(0, n)
                .mapToObj(i -> new Choice("i" + i, new TreeMap<>(java.util.Map.of("", "sha" + i))))
                .toList();
    }

    @Override
    public CandidateWeights form(Candidate candidate, Candidate base) {
        return new CandidateWeights() {
            @Override
            public java.util.SortedSet<String> parts() {
                return new java.util.TreeSet<>();
            }

            @Override
            public org.diffusionsoup.core.tensor.TensorSource part(String name) {
                throw new SoupException("none");
            }

            @Override
            public boolean isShared(String part) {
                return false;
            }
        };
    }

    @Override
    public double[] score(Candidate candidate, CandidateWeights weights) {
        if (asked.size() == dieAt) {
            throw new Killed();
        }
        asked.add(candidate);
        return value(candidate.shares());
    }

    /** The function itself. */
    double[] value(List<Integer> shares) {
        SplittableRandom random = new SplittableRandom(seed * 1_000_003 + shares.hashCode());
        return IntStream.range(0, prompts)
                .mapToDouble(p -> random.nextInt(levels) / (double) levels)
                .toArray();
    }
}
