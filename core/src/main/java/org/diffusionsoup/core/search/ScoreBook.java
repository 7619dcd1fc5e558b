package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/**
 * All scores of one search: asks the scorer for each candidate once, and the journal first. Not for
 * use by several threads.
 */
public final class ScoreBook {
    /** Told of every candidate that is asked for the first time. */
    @FunctionalInterface
    public interface Listener {
        /** Ignores everything. */
        Listener NONE = (evaluation, fromJournal) -> {};

        /**
         * @param fromJournal whether an earlier run scored it
         */
        void evaluated(Evaluation evaluation, boolean fromJournal);
    }

    private final CandidateSoups soups;
    private final Scorer scorer;
    private final Optional<SearchJournal> journal;
    private final Acceptance acceptance;
    private final int budget;
    private final Listener listener;
    private final Map<Candidate, Evaluation> known = new LinkedHashMap<>();
    private int scored;

    /**
     * @param journal where scores are looked up and noted; empty for none
     * @param budget how many different candidates may be asked for, at least 1; those in the
     *     journal count, so that a resumed search ends where the whole one would
     * @throws SoupException if the journal belongs to another search
     */
    public ScoreBook(
            CandidateSoups soups,
            Scorer scorer,
            Optional<SearchJournal> journal,
            Acceptance acceptance,
            int budget,
            Listener listener) {
        if (budget < 1) {
            throw new SoupException("A search needs at least 1 evaluation, not " + budget + ".");
        }
        this.soups = soups;
        this.scorer = scorer;
        this.journal = journal;
        this.acceptance = acceptance;
        this.budget = budget;
        this.listener = listener;
        journal.ifPresent(j -> j.begin(soups.choices(), scorer.identity()));
    }

    /** Without limit, journal or listener, accepting any improvement. */
    public static ScoreBook of(CandidateSoups soups, Scorer scorer) {
        return new ScoreBook(
                soups,
                scorer,
                Optional.empty(),
                Acceptance.ANY_IMPROVEMENT,
                Integer.MAX_VALUE,
                Listener.NONE);
    }

    /** How many ingredients there are to choose from. */
    public int ingredients() {
        return soups.choices().size();
    }

    /** As {@link #evaluate(Candidate, Candidate)} for a candidate that is like no other. */
    Evaluation evaluate(Candidate candidate) {
        return evaluate(candidate, candidate);
    }

    /**
     * The candidate's evaluation.
     *
     * @param base as in {@link CandidateSoups#form}
     * @throws BudgetSpentException if it is a new candidate and the budget is spent
     * @throws SoupException if the scorer gives no finite scores, or another number than before
     */
    public Evaluation evaluate(Candidate candidate, Candidate base) {
        Evaluation before = known.get(candidate);
        if (before != null) {
            return before;
        }
        if (known.size() >= budget) {
            throw new BudgetSpentException(budget);
        }
        int number = known.size() + 1;
        Optional<List<Double>> noted = journal.flatMap(j -> j.find(candidate));
        List<Double> scores = noted.orElseGet(() -> ask(candidate, base));
        known.values().stream()
                .findFirst()
                .filter(e -> e.scores().size() != scores.size())
                .ifPresent(e -> {
                    throw new SoupException(
                            "The scorer gave %d scores for one candidate and %d for another."
                                    .formatted(e.scores().size(), scores.size()));
                });
        Evaluation e = new Evaluation(number, candidate, scores);
        if (noted.isEmpty()) {
            journal.ifPresent(j -> j.add(e, soups.names()));
            scored++;
        }
        known.put(candidate, e);
        listener.evaluated(e, noted.isPresent());
        return e;
    }

    private List<Double> ask(Candidate candidate, Candidate base) {
        double[] values = scorer.score(candidate, soups.form(candidate, base));
        List<Double> scores = new ArrayList<>();
        for (double v : values) {
            if (!Double.isFinite(v)) {
                throw new SoupException(
                        "The scorer gave " + v + " for " + candidate.describe(soups.names()) + ".");
            }
            scores.add(v);
        }
        if (scores.isEmpty()) {
            throw new SoupException("The scorer gave no score.");
        }
        return scores;
    }

    /** Compares a candidate with the incumbent, by the search's acceptance, and notes it. */
    SearchStep compare(Evaluation candidate, Evaluation incumbent) {
        Improvement change = Improvement.of(candidate, incumbent);
        SearchStep step = new SearchStep(candidate, incumbent, change, acceptance.accepts(change));
        journal.ifPresent(j -> j.decided(step, acceptance, soups.names()));
        return step;
    }

    SearchResult result(
            String method,
            Evaluation best,
            List<Evaluation> singles,
            List<SearchStep> steps,
            String note) {
        return new SearchResult(
                method, best, singles, steps, List.copyOf(known.values()), scored, note);
    }
}
