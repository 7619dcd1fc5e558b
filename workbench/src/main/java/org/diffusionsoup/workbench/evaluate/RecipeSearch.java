package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIngredient;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Souper;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.CandidateWeights;
import org.diffusionsoup.core.search.Greedy;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.ReverseGreedy;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.Scorer;
import org.diffusionsoup.core.search.SearchJournal;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.data.RgbImage;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * The searches of a recipe, on its validation prompts. Evaluations are journaled beside the soup,
 * so a search that was killed goes on.
 */
final class RecipeSearch implements ModelMaker.Searcher {
    private final EvaluationRecipe recipe;
    private final Progress progress;

    RecipeSearch(EvaluationRecipe recipe, Progress progress) {
        this.recipe = recipe;
        this.progress = progress;
    }

    /** What a search's result depends on besides ingredients and method. */
    static String identity(EvaluationRecipe recipe) {
        return Stream.of(recipe.validation(), recipe.seeds(), recipe.settings(), recipe.judges())
                .map(part -> Hashes.sha256Hex(part.toString().getBytes(StandardCharsets.UTF_8)))
                .reduce("", (a, b) -> a + b + "\n");
    }

    @Override
    public void search(ModelSpec.Search spec, List<Path> ingredients, Path out) {
        SearchMethod method = spec.method().equals("greedy") ? new Greedy() : new ReverseGreedy();
        RecipeJudge judge =
                Optional.ofNullable(recipe.judges().get(spec.judge()))
                        .orElseThrow(() -> new SoupException("There is no judge " + spec.judge()));
        makeFolder(out);
        try (PictureScorer scorer = judge.open();
                MemorySoups soups = MemorySoups.open(ingredients, Souper.Options.DEFAULT);
                SearchJournal journal =
                        SearchJournal.open(out.resolveSibling(out.getFileName() + ".journal"))) {
            ScoreBook book =
                    new ScoreBook(
                            soups,
                            new Drawn(scorer, ingredients, out),
                            Optional.of(journal),
                            Acceptance.ANY_IMPROVEMENT,
                            Integer.MAX_VALUE,
                            ScoreBook.Listener.NONE);
            Candidate best = method.run(book).best().candidate();
            soup(best, ingredients, out);
        }
    }

    private static void makeFolder(Path out) {
        Path parent = out.toAbsolutePath().getParent();
        try {
            if (parent != null) {
                Files.createDirectories(parent);
            }
        } catch (IOException e) {
            throw new SoupIoException("make the folder of", out, e);
        }
    }

    private static void soup(Candidate candidate, List<Path> ingredients, Path out) {
        List<SoupIngredient> members = new ArrayList<>();
        for (int i : candidate.members()) {
            members.add(
                    SoupIngredient.of(
                            ingredients.get(i), Coefficient.of(candidate.shares().get(i))));
        }
        Souper.create().replaceExisting(true).make(members, out);
    }

    /** Draws the validation prompts with a candidate written beside the result, and judges them. */
    private final class Drawn implements Scorer {
        private final PictureScorer judge;
        private final List<Path> ingredients;
        private final Path out;

        Drawn(PictureScorer judge, List<Path> ingredients, Path out) {
            this.judge = judge;
            this.ingredients = ingredients;
            this.out = out;
        }

        @Override
        public SortedMap<String, String> identity() {
            SortedMap<String, String> id = new TreeMap<>();
            id.put("judge", judge.judge().toString());
            id.put("judge_sha256", judge.judge().weightsSha256());
            id.put("prompts", recipe.validation().toString());
            id.put("seeds", recipe.seeds().toString());
            id.put("sampler", recipe.settings().toString());
            return id;
        }

        @Override
        public double[] score(Candidate candidate, CandidateWeights weights) {
            Path folder = out.resolveSibling(out.getFileName() + ".candidate");
            soup(candidate, ingredients, folder);
            try (Generator generator = Generator.open(folder, recipe.settings())) {
                List<List<RgbImage>> pictures =
                        generator.grid(recipe.validation(), recipe.seeds(), progress);
                double[][] values = new double[pictures.size()][];
                for (int p = 0; p < values.length; p++) {
                    String prompt = recipe.validation().get(p);
                    values[p] =
                            judge.score(
                                    pictures.get(p).stream().map(PictureScores::picture).toList(),
                                    pictures.get(p).stream().map(i -> prompt).toList());
                }
                return ScoreSet.of("candidate", judge.judge(), recipe.validation(), values)
                        .perPrompt();
            }
        }
    }
}
