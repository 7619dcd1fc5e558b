package org.diffusionsoup.workbench.registry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.JournalNotes;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.search.FoundSoup;
import org.diffusionsoup.workbench.search.SearchRequest;
import org.diffusionsoup.workbench.search.SoupSearch;

/**
 * Searches for a soup among registered ingredients, and again when a shard that the search saw
 * leaves: among what is left, by the same judge, prompts and seeds.
 *
 * <p>Journals are kept in the registry's folder {@code searches/}, named by ingredients and recipe:
 * a search that was killed, or a withdrawal that starts over, goes on from there.
 */
public final class RegistrySearch implements WithdrawRequest.Reselector {
    private final Registry registry;
    private final Optional<String> judge;
    private final Watcher watcher;
    private final Progress progress;

    /** Who is told of searches. A withdrawal makes one for every soup that it chooses again. */
    @FunctionalInterface
    public interface Watcher {
        /**
         * A search begins, or goes on from its journal.
         *
         * @param names of the ingredients to choose from, in the order in which candidates count
         *     them
         * @param journal in which scores are kept, also of a process that is ended meanwhile
         * @return told of every candidate
         */
        ScoreBook.Listener begin(List<String> names, Path journal);
    }

    /**
     * @param judge where a recorded search's judge is now, as {@link
     *     org.diffusionsoup.workbench.evaluate.JudgeSpec} reads it; empty if where it was
     * @param watcher told of every search
     */
    public RegistrySearch(
            Registry registry, Optional<String> judge, Watcher watcher, Progress progress) {
        this.registry = registry;
        this.judge = judge;
        this.watcher = watcher;
        this.progress = progress;
    }

    /**
     * What a search chose, for the ledger, and how it came to it, for people.
     *
     * @param request as it was searched
     */
    public record Chosen(WithdrawRequest.Choice choice, SearchRequest request, FoundSoup found) {}

    /**
     * Searches among ingredients of the registry.
     *
     * @param names at least two, of one base
     * @throws SoupException if one is unknown or withdrawn, or as {@link SoupSearch#run} does
     */
    public Chosen choose(SearchRecipe recipe, List<String> names) {
        SequencedMap<String, String> candidates = new LinkedHashMap<>();
        registry.read(q -> {
            for (String name : names) {
                candidates.put(
                        name,
                        q.ingredient(name)
                                .orElseThrow(() ->
                                        new SoupException(
                                                "There is no live ingredient '"
                                                        + name
                                                        + "' to search among; 'soup"
                                                        + " ingredient list' shows them."))
                                .checkpoint());
            }
            return names.size();
        });
        try (WeightStore.Session session = registry.store().open()) {
            return search(recipe, candidates, session.work(), Optional.empty());
        }
    }

    @Override
    public Optional<WithdrawRequest.Choice> reselect(WithdrawRequest.Reselection what) {
        JsonValue journal = what.selection().fields().get("journal");
        if (!(journal instanceof JsonObject j)
                || !(j.fields().get("search") instanceof JsonObject recorded)) {
            return Optional.empty();
        }
        SearchRecipe recipe = SearchRecipe.of(recorded, judge);
        recipe.judge()
                .missing()
                .ifPresent(path -> {
                    throw new SoupException(
                            "The judge of a search that has to be run again is not at %s; put it back, say with `judge` where it is, or keep the choice with `keepSelection`."
                                    .formatted(path));
                });
        return Optional.of(
                search(
                                recipe,
                                what.candidates(),
                                what.work(),
                                Optional.of(Json.string(recorded, "judge_sha256")))
                        .choice());
    }

    private Chosen search(
            SearchRecipe recipe,
            SequencedMap<String, String> candidates,
            Path work,
            Optional<String> wantedJudge) {
        try (PictureScorer scorer = recipe.judge().open(ClipConvention.RAW_COSINE)) {
            String sha256 = scorer.judge().weightsSha256();
            if (wantedJudge.isPresent() && !wantedJudge.get().equals(sha256)) {
                throw new SoupException(
                        "The judge %s has other weights than the one that chose before; put that one back, say with `judge` where it is, or keep the choice with `keepSelection`."
                                .formatted(recipe.judge().text()));
            }
            JsonObject json = recipe.json(sha256);
            Path journal = journal(json, candidates);
            putAsideUnchecked(journal);
            List<String> names = List.copyOf(candidates.keySet());
            ScoreBook.Listener listener = watcher.begin(names, journal);
            List<Path> paths = new ArrayList<>();
            candidates.forEach((name, id) ->
                    paths.add(registry.store().rebuild(id, work.resolve("search").resolve(name))));
            SearchRequest request =
                    new SearchRequest(
                            paths,
                            SearchMethods.named(recipe.method()),
                            recipe.prompts(),
                            recipe.seeds(),
                            recipe.settings(),
                            recipe.acceptance(),
                            recipe.budget(),
                            journal,
                            Optional.empty(),
                            Optional.empty(),
                            false);
            putAsideUnchecked(request.testJournal());
            FoundSoup found = new SoupSearch(request, scorer, listener, progress).run();
            Candidate best = found.result().best().candidate();
            List<SoupPlan.Item> items = new ArrayList<>();
            for (int i : best.members()) {
                items.add(new SoupPlan.Item(names.get(i), best.coefficient(i).orElseThrow()));
            }
            SoupPlan.Selection selection =
                    new SoupPlan.Selection(
                            recipe.method(), names, candidates, recorded(json, journal));
            return new Chosen(new WithdrawRequest.Choice(items, selection), request, found);
        }
    }

    /**
     * Puts a journal aside of which a line carries no checksum. Earlier versions wrote such lines,
     * and scores that somebody made up need no more than to leave theirs out; what is signed here
     * is not to rest on them, as little as that says of lines whose checksum is right: it has no
     * key.
     */
    private void putAsideUnchecked(Path journal) {
        if (!Files.exists(journal) || JournalNotes.areChecked(journal)) {
            return;
        }
        Path aside = journal.resolveSibling(journal.getFileName() + ".unchecked");
        try {
            Files.move(journal, aside, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new SoupIoException("move", journal, e);
        }
        progress.tell(
                "The journal %s holds lines without a checksum, of an earlier version or of anybody; it was put aside as %s, and candidates are scored anew."
                        .formatted(journal, aside.getFileName()));
    }

    private Path journal(JsonObject recipe, SequencedMap<String, String> candidates) {
        String key = Json.sha256(recipe) + String.join(" ", candidates.values());
        String name = Hashes.sha256Hex(key.getBytes(StandardCharsets.UTF_8));
        return registry.folder().resolve("searches").resolve(name.substring(0, 16) + ".jsonl");
    }

    private static JsonObject recorded(JsonObject recipe, Path journal) {
        try {
            byte[] text = Files.readAllBytes(journal);
            return Json.object()
                    .put("sha256", Hashes.sha256Hex(text))
                    .put("text", new String(text, StandardCharsets.UTF_8))
                    .put("search", recipe)
                    .build();
        } catch (IOException e) {
            throw new SoupIoException("read", journal, e);
        }
    }
}
