package org.diffusionsoup.workbench.search;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.Improvement;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchJournal;
import org.diffusionsoup.core.search.SearchResult;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.DrawnScores;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Searches for the best soup of ingredients (paper, Section 4.2): candidates are formed in memory,
 * drawn with and judged on validation prompts; the chosen one is judged on other prompts and
 * written.
 */
public final class SoupSearch {
    private final SearchRequest request;
    private final PictureScorer judge;
    private final ScoreBook.Listener listener;
    private final Progress progress;

    /**
     * @param judge stays the caller's to close
     * @param listener told of every candidate of the search, not of the test
     */
    public SoupSearch(
            SearchRequest request,
            PictureScorer judge,
            ScoreBook.Listener listener,
            Progress progress) {
        this.request = request;
        this.judge = judge;
        this.listener = listener;
        this.progress = progress;
    }

    /**
     * Searches, or goes on with the search in the journal.
     *
     * @throws SoupException if the output exists, the ingredients differ in more than weights, or
     *     the journal belongs to another search
     */
    public FoundSoup run() {
        request.out().ifPresent(o -> ModelOutput.MODEL.check(o, request.replace()));
        long start = System.nanoTime();
        progress.start("open ingredients", 0, "");
        SoupOptions options = SoupOptions.DEFAULT;
        try (MemorySoups soups = MemorySoups.open(request.ingredients(), options);
                SearchJournal journal = SearchJournal.open(request.journal());
                SearchJournal testJournal = SearchJournal.open(request.testJournal());
                Generator generator =
                        Generator.exchangeable(
                                request.ingredients().getFirst(), request.settings())) {
            DrawnScores drawn = drawn(generator, request.prompts().validation());
            drawn.call("candidate 1");
            SearchResult result =
                    request.method()
                            .run(
                                    new ScoreBook(
                                            soups,
                                            drawn,
                                            Optional.of(journal),
                                            request.acceptance(),
                                            request.budget(),
                                            (e, known) -> {
                                                // a line of progress comes before its score
                                                progress.close();
                                                drawn.call("candidate " + (e.number() + 1));
                                                listener.evaluated(e, known);
                                            }));
            DrawnScores testing = drawn(generator, request.prompts().test());
            ScoreBook book =
                    new ScoreBook(
                            soups,
                            testing,
                            Optional.of(testJournal),
                            Acceptance.ANY_IMPROVEMENT,
                            Integer.MAX_VALUE,
                            ScoreBook.Listener.NONE);
            List<FoundSoup.Tested> test = test(book, result, testing);
            String sha256 = journal.sha256();
            Optional<Soup> soup = request.out().map(o -> write(result, sha256, o));
            FoundSoup found =
                    new FoundSoup(
                            soups.names(),
                            result,
                            test,
                            judge.judge(),
                            sha256,
                            soup,
                            (System.nanoTime() - start) / 1e9);
            drawn.call("pictures for the page");
            request.page().ifPresent(p -> SearchPage.write(p, request, found, soups, drawn));
            return found;
        }
    }

    private DrawnScores drawn(Generator generator, List<String> prompts) {
        return new DrawnScores(
                generator, judge, prompts, request.seeds(), request.settings(), progress);
    }

    /** The uniform soup, the best single ingredient if singles were scored, the chosen soup. */
    private static List<FoundSoup.Tested> test(
            ScoreBook book, SearchResult result, DrawnScores drawn) {
        Map<Candidate, String> wanted = new LinkedHashMap<>();
        wanted.put(Candidate.uniform(book.ingredients()), "uniform soup");
        result.singles().stream()
                .max(Comparator.comparingDouble(Evaluation::mean))
                .ifPresent(e -> wanted.merge(e.candidate(), "best ingredient", SoupSearch::both));
        wanted.merge(result.best().candidate(), "chosen", SoupSearch::both);
        Bootstrap bootstrap = Bootstrap.seeded(0);
        List<FoundSoup.Tested> tested = new ArrayList<>();
        drawn.call("uniform soup, other prompts");
        Evaluation uniform =
                book.evaluate(
                        Candidate.uniform(book.ingredients()),
                        Candidate.uniform(book.ingredients()));
        wanted.forEach((candidate, label) -> {
            drawn.call(label + ", other prompts");
            Evaluation e = book.evaluate(candidate, candidate);
            double[] scores = e.scores().stream().mapToDouble(Double::doubleValue).toArray();
            tested.add(
                    new FoundSoup.Tested(
                            label, e, bootstrap.mean(scores), Improvement.of(e, uniform)));
        });
        return tested;
    }

    private static String both(String a, String b) {
        return a + ", " + b;
    }

    private Soup write(SearchResult result, String journalSha256, Path out) {
        List<SoupIngredient> chosen = new ArrayList<>();
        Candidate best = result.best().candidate();
        for (int i : best.members()) {
            Path path = request.ingredients().get(i);
            chosen.add(SoupIngredient.of(path, best.coefficient(i).orElseThrow()));
        }
        SortedMap<String, String> notes = new TreeMap<>();
        notes.put("search.method", result.method());
        notes.put("search.judge", judge.judge().toString());
        notes.put("search.journal_sha256", journalSha256);
        progress.start("write " + out, 0, "");
        return Souper.create().replaceExisting(request.replace()).make(chosen, out, notes);
    }
}
