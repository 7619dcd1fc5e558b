package org.diffusionsoup.workbench.evaluate;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchJournal;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * The searches of a recipe, on its validation prompts. Candidates are formed in memory; their
 * scores are journaled beside the soup, so a search that was killed goes on.
 */
final class RecipeSearch implements ModelMaker.Searcher {
    private final EvaluationRecipe recipe;
    private final Progress progress;

    /** Judges by name, as their scores name them: loading one to ask is not free. */
    private final Map<String, String> judges = new HashMap<>();

    RecipeSearch(EvaluationRecipe recipe, Progress progress) {
        this.recipe = recipe;
        this.progress = progress;
    }

    @Override
    public String identity(ModelSpec.Search spec) {
        String judge =
                judges.computeIfAbsent(
                        spec.judge(),
                        name -> {
                            try (PictureScorer scorer = open(name)) {
                                return scorer.judge().toString() + scorer.judge().weightsSha256();
                            }
                        });
        String prompts =
                Hashes.sha256Hex(
                        String.join("\n", recipe.validation()).getBytes(StandardCharsets.UTF_8));
        return String.join(
                "\n",
                judge,
                prompts,
                recipe.seeds().toString(),
                recipe.settings().toString(),
                // caches of earlier versions stay good
                spec.budget() == Integer.MAX_VALUE ? "" : spec.budget() + "\n");
    }

    private PictureScorer open(String judge) {
        return Optional.ofNullable(recipe.judges().get(judge))
                .orElseThrow(() -> new SoupException("There is no judge " + judge + "."))
                .open();
    }

    @Override
    public void search(ModelSpec.Search spec, List<Path> ingredients, Path out) {
        SearchMethod method = SearchMethods.named(spec.method());
        makeFolder(out);
        try (PictureScorer judge = open(spec.judge());
                MemorySoups soups = MemorySoups.open(ingredients, SoupOptions.DEFAULT);
                Generator generator =
                        Generator.exchangeable(ingredients.getFirst(), recipe.settings());
                SearchJournal journal =
                        SearchJournal.open(out.resolveSibling(out.getFileName() + ".journal"))) {
            DrawnScores drawn =
                    new DrawnScores(
                            generator,
                            judge,
                            recipe.validation(),
                            recipe.seeds(),
                            recipe.settings(),
                            progress);
            drawn.call("candidate 1");
            ScoreBook book =
                    new ScoreBook(
                            soups,
                            drawn,
                            Optional.of(journal),
                            Acceptance.ANY_IMPROVEMENT,
                            spec.budget(),
                            (e, known) -> drawn.call("candidate " + (e.number() + 1)));
            write(method.run(book).best().candidate(), ingredients, out);
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

    private static void write(Candidate chosen, List<Path> ingredients, Path out) {
        List<SoupIngredient> members = new ArrayList<>();
        for (int i : chosen.members()) {
            members.add(SoupIngredient.of(ingredients.get(i), chosen.coefficient(i).orElseThrow()));
        }
        Souper.create().replaceExisting(true).make(members, out);
    }
}
