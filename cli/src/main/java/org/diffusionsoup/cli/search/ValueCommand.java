package org.diffusionsoup.cli.search;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.JudgeFlags;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.value.ShapleyPlan;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.diffusionsoup.workbench.value.FoundValues;
import org.diffusionsoup.workbench.value.Player;
import org.diffusionsoup.workbench.value.Providers;
import org.diffusionsoup.workbench.value.RecordedValues;
import org.diffusionsoup.workbench.value.SoupValue;
import org.diffusionsoup.workbench.value.ValueRequest;
import org.diffusionsoup.workbench.value.ValueTable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup value}: what each ingredient is worth. */
@Command(
        name = "value",
        description = {
            "What each ingredient of a soup is worth, as a judge sees it: its Shapley value, what"
                    + " the soup loses without it, and what it adds to the base alone.",
            "Every coalition is one average, formed in memory: all 2^n of them up to 10 ingredients"
                    + " or groups, of more those of random permutations. A run that was stopped goes"
                    + " on from its journal. docs/value.md says what the numbers mean."
        },
        footer = {
            "  soup value noto/ fluent/ twemoji/ --base models/emoji-base --judge models/emoji-clip"
                    + " --prompts prompts.txt --seeds 0-3 -o values.csv --page values.html",
            "  soup value noto/ fluent/ twemoji/ --base models/emoji-base --judge models/emoji-clip"
                    + " --prompts prompts.txt --group google=noto,fluent -o groups.csv",
            "  soup value noto/ acme/ --base models/emoji-base --judge models/emoji-clip"
                    + " --prompts prompts.txt --by provider --registry soup-registry -o providers.csv"
        })
public final class ValueCommand extends SoupCommand {
    private static final int PERMUTATIONS = 40;

    @Parameters(
            arity = "1..*",
            paramLabel = "INGREDIENT",
            description = "Folders in diffusers layout, of one base, at least two.")
    private List<Path> ingredients = List.of();

    @Option(
            names = "--base",
            required = true,
            paramLabel = "DIR",
            description =
                    "What they were fine-tuned from, in the same dtype: its score is what nobody is"
                            + " worth.")
    private Path base = Path.of("");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FILE.csv",
            description = "The table to write; that of an earlier run is replaced.")
    private Path out = Path.of(".");

    @Mixin private JudgeFlags judges = new JudgeFlags();

    @Option(
            names = "--group",
            paramLabel = "NAME=A,B",
            description =
                    "Value these ingredients as one player, whose members come and go together; may"
                            + " be given more than once.")
    private List<String> groups = List.of();

    @Option(
            names = "--by",
            paramLabel = "WHAT",
            description = "provider: one group per provider, as the registry has it.")
    private Optional<String> by = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Option(
            names = "--record",
            paramLabel = "SOUP",
            description =
                    "Record the values in the registry, as those of this soup's ingredients, which"
                            + " have to be the ones that are valued; a withdrawal then says what leaves.")
    private Optional<String> record = Optional.empty();

    @Option(
            names = "--permutations",
            paramLabel = "N",
            description =
                    "Sample N permutations in antithetic pairs instead of scoring all coalitions"
                            + " (default: all up to 10 players, beyond that "
                            + PERMUTATIONS
                            + ").")
    private Optional<Integer> permutations = Optional.empty();

    @Option(
            names = "--permutation-seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of the permutations (default: ${DEFAULT-VALUE}).")
    private long permutationSeed;

    @Option(
            names = "--journal",
            paramLabel = "FILE",
            description =
                    "Where scores are kept; the same command goes on from there, and other groups of"
                            + " the same ingredients use them (default: FILE.csv.journal.jsonl).")
    private Optional<Path> journal = Optional.empty();

    @Option(
            names = "--page",
            paramLabel = "FILE",
            description = "An HTML page with charts, values and every coalition.")
    private Optional<Path> page = Optional.empty();

    @Override
    protected void run(Console console) throws IOException {
        ValueTable.KIND.checkOwn(out);
        page.ifPresent(OwnOutputs.PAGE::checkOwn);
        ingredients.forEach(ModelNames::requireThere);
        ModelNames.requireThere(base);
        JudgeSpec spec = judges.judge(this::misuse);
        ValueRequest request = request();
        List<String> names =
                java.util.stream.Stream.concat(
                                ingredients.stream(), java.util.stream.Stream.of(base))
                        .map(ModelNames::of)
                        .toList();
        Optional<Registry> recording = record.map(s -> registry.open());
        List<Long> entries =
                recording
                        .map(r -> RecordedValues.entries(r, record.orElseThrow(), request))
                        .orElse(List.of());
        int wanted = request.plan().coalitions().size();
        console.note(
                permutations.isPresent() && request.plan() instanceof ShapleyPlan.Exact
                        ? "The %d permutations need all %s; the values are exact."
                                .formatted(permutations.get(), Plural.of(wanted, "coalition"))
                        : Plural.of(wanted, "coalition"));
        console.onStop(() -> SearchOutput.stopped("coalition", request.journal()));
        FoundValues found;
        try (PictureScorer judge = spec.open(ClipConvention.RAW_COSINE);
                Progress progress = console.progress()) {
            found =
                    new SoupValue(request, judge, SearchOutput.listener(console, names), progress)
                            .run();
        }
        Optional<Long> entry =
                recording.map(r ->
                        RecordedValues.record(r, record.orElseThrow(), entries, request, found));
        Map<String, Object> json = new LinkedHashMap<>(ValueOutput.json(found, request));
        entry.ifPresent(e -> json.put("entry", e));
        console.result(
                json,
                text -> {
                    ValueOutput.print(found, request, text);
                    entry.ifPresent(e -> text.println("recorded, entry " + e));
                });
    }

    private ValueRequest request() {
        if (ingredients.size() < 2) {
            throw misuse("a soup to value needs at least two ingredients.");
        }
        List<Player> players = players();
        return new ValueRequest(
                ingredients,
                base,
                players,
                plan(players.size()),
                judges.prompts(this::misuse),
                judges.seeds(),
                judges.settings(),
                journal.orElseGet(() -> SearchOutput.beside(out, ".journal.jsonl")),
                out,
                page);
    }

    private List<Player> players() {
        if (by.isEmpty()) {
            return Player.grouped(ingredients.stream().map(ModelNames::of).toList(), groups);
        }
        if (!by.get().equals("provider")) {
            throw misuse("--by '" + by.get() + "' is unknown; use provider, or --group NAME=a,b.");
        }
        if (!groups.isEmpty()) {
            throw misuse("--by and --group exclude each other.");
        }
        return Player.of(Providers.of(registry.openToRead(), ingredients));
    }

    private ShapleyPlan plan(int players) {
        if (permutations.isEmpty() && players <= ShapleyPlan.MOST_EXACT) {
            return new ShapleyPlan.Exact(players);
        }
        return ShapleyPlan.sampled(players, permutations.orElse(PERMUTATIONS), permutationSeed);
    }
}
