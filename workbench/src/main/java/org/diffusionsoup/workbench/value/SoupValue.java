package org.diffusionsoup.workbench.value;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.CandidateSoups.Choice;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchJournal;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.value.CoalitionGame;
import org.diffusionsoup.eval.value.GameValues;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.DrawnScores;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * What each ingredient of a soup is worth under a judge. Every coalition of players is one uniform
 * average, so nothing is trained: it is formed in memory, drawn with and judged, and its scores are
 * in the journal before the next one is formed.
 */
public final class SoupValue {
    private final ValueRequest request;
    private final PictureScorer judge;
    private final ScoreBook.Listener listener;
    private final Progress progress;

    /**
     * @param judge stays the caller's to close
     * @param listener told of every coalition
     */
    public SoupValue(
            ValueRequest request,
            PictureScorer judge,
            ScoreBook.Listener listener,
            Progress progress) {
        this.request = request;
        this.judge = judge;
        this.listener = listener;
        this.progress = progress;
    }

    /**
     * Scores what the journal lacks, and writes the table and the page.
     *
     * @throws SoupException if ingredients and base differ in more than weights, or the journal
     *     belongs to others
     */
    public FoundValues run() {
        long start = System.nanoTime();
        progress.start("open ingredients", 0, "");
        List<Path> models = new ArrayList<>(request.ingredients());
        models.add(request.base());
        try (MemorySoups soups = MemorySoups.open(models, SoupOptions.DEFAULT);
                SearchJournal journal = SearchJournal.open(request.journal(), "valuation");
                Generator generator = Generator.exchangeable(request.base(), request.settings())) {
            DrawnScores drawn =
                    new DrawnScores(
                            generator,
                            judge,
                            request.prompts(),
                            request.seeds(),
                            request.settings(),
                            new PictureSteps(progress));
            int[] scored = {0};
            ScoreBook book =
                    new ScoreBook(
                            soups,
                            drawn,
                            Optional.of(journal),
                            Acceptance.ANY_IMPROVEMENT,
                            Integer.MAX_VALUE,
                            (e, known) -> {
                                scored[0] += known ? 0 : 1;
                                listener.evaluated(e, known);
                                if (known) {
                                    progress.skip(pictures());
                                }
                            });
            List<Evaluation> coalitions = new ArrayList<>();
            long before = System.nanoTime();
            Scores game = evaluate(book, coalitions);
            double evaluating = (System.nanoTime() - before) / 1e9;
            List<String> names = request.players().stream().map(Player::name).toList();
            GameValues values = GameValues.of(names, game, request.plan(), Bootstrap.seeded(0));
            FoundValues found =
                    new FoundValues(
                            soups.names(),
                            soups.choices().stream().map(Choice::sha256).toList(),
                            values,
                            coalitions,
                            scored[0],
                            judge.judge(),
                            journal.sha256(),
                            new FoundValues.Seconds(
                                    (System.nanoTime() - start) / 1e9,
                                    Math.max(
                                            0,
                                            evaluating
                                                    - drawn.drawingSeconds()
                                                    - drawn.judgingSeconds()),
                                    drawn.drawingSeconds(),
                                    drawn.judgingSeconds()));
            AtomicFiles.write(request.out(), ValueTable.bytes(request, found));
            request.page().ifPresent(p -> ValuePage.write(p, request, found));
            return found;
        }
    }

    private Scores evaluate(ScoreBook book, List<Evaluation> coalitions) {
        var wanted = request.plan().coalitions();
        progress.start("score coalitions", wanted.size() * pictures(), "pictures");
        Map<Long, double[]> scores = new HashMap<>();
        for (long coalition : wanted) {
            progress.message("coalition %d of %d".formatted(coalitions.size() + 1, wanted.size()));
            Candidate c = candidate(coalition);
            Evaluation e = book.evaluate(c, c);
            coalitions.add(e);
            scores.put(coalition, e.scores().stream().mapToDouble(Double::doubleValue).toArray());
        }
        return new Scores(request.players().size(), scores);
    }

    /** All ingredients of a coalition's players alike; the base for nobody. */
    private Candidate candidate(long coalition) {
        int base = request.ingredients().size();
        if (coalition == 0) {
            return Candidate.single(base + 1, base);
        }
        List<Integer> shares = new ArrayList<>(Collections.nCopies(base + 1, 0));
        for (int p = 0; p < request.players().size(); p++) {
            if ((coalition >> p & 1) == 1) {
                request.players().get(p).members().forEach(i -> shares.set(i, 1));
            }
        }
        return new Candidate(shares);
    }

    private record Scores(int players, Map<Long, double[]> known) implements CoalitionGame {
        @Override
        public double[] scores(long coalition) {
            double[] scores = known.get(coalition);
            if (scores == null) {
                throw new IllegalStateException("the plan does not name coalition " + coalition);
            }
            return scores;
        }
    }

    /** Pictures of one coalition. */
    private long pictures() {
        return (long) request.prompts().size() * request.seeds().size();
    }

    /** Counts the pictures of one coalition among those of all. */
    private record PictureSteps(Progress all) implements Progress {
        @Override
        public void start(String task, long total, String unit) {}

        @Override
        public void advance(long units) {
            all.advance(units);
        }

        @Override
        public void message(String note) {}

        @Override
        public void close() {}
    }
}
