package org.diffusionsoup.cli.registry;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.search.SearchFlags;
import org.diffusionsoup.cli.search.SearchOutput;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.search.SearchMethods;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.RegistrySearch;
import org.diffusionsoup.workbench.registry.SearchRecipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup registry make}. */
@Command(
        name = "make",
        description = {
            "Average registered ingredients into a soup, or its next version.",
            "A soup that followed and is made without --follow follows no longer, and that is said.",
            "With --follow the soup takes in every ingredient there is, and 'soup update' those that"
                    + " come later. A soup that a search chose is recorded with its journal and all"
                    + " that the search looked at."
        },
        footer = {
            "  soup registry make everyone --follow",
            "  soup registry make pair --from noto,fluent --weights 2,1",
            "  soup registry make best --search greedy --judge models/emoji-clip --prompts prompts.txt",
            "  soup registry make best --from noto,fluent --selection greedy.jsonl --method greedy"
                    + " --candidates noto,fluent,twemoji"
        })
final class RegistryMakeCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "The soup's name.")
    private String name = "";

    @Option(
            names = "--from",
            paramLabel = "INGREDIENT",
            description =
                    "Names of ingredients, such as a,b,c (default with --follow: all); repeatable.")
    private List<String> from = List.of();

    @Option(
            names = "--weights",
            split = ",",
            paramLabel = "K",
            description = "Coefficients in the order of --from (default: all the same).")
    private List<String> weights = List.of();

    @Option(names = "--follow", description = "Let 'soup update' take in what comes later.")
    private boolean follow;

    @Option(
            names = "--search",
            paramLabel = "METHOD",
            description =
                    "Choose among --from (default: all ingredients) by greedy, reverse-greedy,"
                            + " leave-one-out or simplex.")
    private Optional<String> searchMethod = Optional.empty();

    @Mixin private SearchFlags search = new SearchFlags();

    @Option(
            names = "--selection",
            paramLabel = "FILE",
            description = "Journal of the search that chose --from.")
    private Optional<Path> selection = Optional.empty();

    @Option(
            names = "--method",
            defaultValue = "greedy",
            paramLabel = "NAME",
            description = "The search's method (default: ${DEFAULT-VALUE}).")
    private String method = "";

    @Option(
            names = "--candidates",
            paramLabel = "INGREDIENT",
            description = "Everything that the search looked at; needed with --selection.")
    private List<String> candidates = List.of();

    @Option(
            names = "--no-sum",
            description =
                    "Do not keep the exact sum (it takes twice the soup's size in F16 and F32, four times"
                            + " in BF16 and F8, and spares reading all ingredients at every change).")
    private boolean noSum;

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (selection.isPresent() == candidates.isEmpty()) {
            throw misuse("--selection and --candidates belong together.");
        }
        if (searchMethod.isPresent()) {
            if (follow || selection.isPresent() || !weights.isEmpty()) {
                throw misuse(
                        "--search chooses itself: leave out --follow, --weights, --selection.");
            }
            choose(console, searchMethod.get());
            return;
        }
        if (follow && selection.isPresent()) {
            throw misuse(
                    "A soup follows its shards or is what a search chose: leave out --follow or"
                            + " --selection.");
        }
        if (search.isGiven()) {
            throw misuse("--judge is for --search METHOD, which is missing.");
        }
        SoupRow made;
        boolean followed;
        try (Progress progress = console.progress()) {
            Registry r = registry.open(progress);
            List<SoupPlan.Item> items = items(names(r, from));
            Optional<SoupPlan.Selection> chosen =
                    selection.isPresent()
                            ? Optional.of(selection(selection.get(), names(r, candidates)))
                            : Optional.empty();
            followed = follows(r);
            Optional<SoupRow> before = r.read(q -> q.soup(name));
            made = r.make(new SoupPlan(name, items, follow, chosen, !noSum));
            SoupText.tell(console, r, before, made);
        }
        console.result(
                json(made, followed),
                text -> {
                    SoupText.print(made, text);
                    sayIfNot(followed, made, text);
                });
    }

    private List<SoupPlan.Item> items(List<String> names) {
        if (!weights.isEmpty() && weights.size() != names.size()) {
            throw misuse(
                    Plural.of(weights.size(), "weight")
                            + " for "
                            + Plural.of(names.size(), "ingredient")
                            + "; give one for each.");
        }
        List<SoupPlan.Item> items = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            items.add(
                    new SoupPlan.Item(
                            names.get(i),
                            weights.isEmpty()
                                    ? Coefficient.ONE
                                    : coefficient("--weights", weights.get(i))));
        }
        return items;
    }

    private SoupPlan.Selection selection(Path file, List<String> names) throws IOException {
        byte[] journal = Files.readAllBytes(file);
        if (new String(journal, StandardCharsets.UTF_8).isBlank()) {
            throw new SoupException(file + " is empty, and no journal of a search.");
        }
        return new SoupPlan.Selection(
                method,
                names,
                Json.object()
                        .put("sha256", Hashes.sha256Hex(journal))
                        .put("text", new String(journal, StandardCharsets.UTF_8))
                        .build());
    }

    /** Names between commas; but a text that is an ingredient's name, as it once could, is that. */
    private static List<String> names(Registry r, List<String> texts) {
        List<String> names = new ArrayList<>();
        for (String text : texts) {
            boolean whole = r.read(q -> q.ingredient(text).isPresent());
            names.addAll(whole ? List.of(text) : List.of(text.split(",")));
        }
        return names;
    }

    /**
     * Whether the soup's newest version takes in what comes later.
     *
     * @throws SoupException if the name can be no soup's
     */
    private boolean follows(Registry r) {
        return r.read(q -> {
            Names.checkSoupName(q, name);
            return q.soup(name).filter(SoupRow::follows).isPresent();
        });
    }

    private static Map<String, Object> json(SoupRow made, boolean followed) {
        Map<String, Object> json = new LinkedHashMap<>(SoupText.json(made));
        json.put("followed_before", followed);
        return json;
    }

    private static void sayIfNot(boolean followed, SoupRow made, PrintWriter text) {
        if (followed && !made.follows()) {
            text.println(
                    "  it followed its shards and does so no longer: 'soup update' will take nothing"
                            + " in; 'soup registry make "
                            + made.name()
                            + " --follow' turns that on again");
        }
    }

    private void choose(Console console, String method) {
        if (!SearchMethods.NAMES.contains(method)) {
            throw misuse(
                    "--search '%s' is unknown; use one of %s."
                            .formatted(method, String.join(", ", SearchMethods.NAMES)));
        }
        SearchRecipe recipe =
                new SearchRecipe(
                        method,
                        search.judge(),
                        search.prompts(),
                        search.seeds(),
                        search.settings(),
                        search.acceptance(),
                        search.budget(SearchMethods.budget(method)));
        RegistrySearch.Chosen chosen;
        SoupRow made;
        boolean followed;
        try (Progress progress = console.progress()) {
            Registry r = registry.open(progress);
            followed = follows(r); // the name is looked at before a long search
            List<String> names = from.isEmpty() ? live(r) : names(r, from);
            if (names.size() < 2) {
                throw new SoupException(
                        "A search needs at least two ingredients to choose from, not "
                                + names
                                + ".");
            }
            List<SoupPlan.Item> all =
                    names.stream().map(n -> new SoupPlan.Item(n, Coefficient.ONE)).toList();
            r.checkMake(new SoupPlan(name, all, false, Optional.empty(), !noSum));
            chosen =
                    new RegistrySearch(
                                    r,
                                    Optional.empty(),
                                    (candidates, journal) -> {
                                        console.onStop(
                                                () -> SearchOutput.stopped("candidate", journal));
                                        return SearchOutput.listener(console, candidates);
                                    },
                                    progress)
                            .choose(recipe, names);
            made =
                    r.make(
                            new SoupPlan(
                                    name,
                                    chosen.choice().items(),
                                    false,
                                    Optional.of(chosen.choice().selection()),
                                    !noSum));
        }
        Map<String, Object> json = new LinkedHashMap<>(json(made, followed));
        json.put("search", SearchOutput.json(chosen.found(), chosen.request()));
        console.result(
                json,
                text -> {
                    SearchOutput.print(chosen.found(), chosen.request(), text);
                    SoupText.print(made, text);
                    sayIfNot(followed, made, text);
                });
    }

    private static List<String> live(Registry r) {
        return r.read(q ->
                q.ingredients().stream()
                        .filter(IngredientRow::isLive)
                        .map(IngredientRow::name)
                        .toList());
    }
}
