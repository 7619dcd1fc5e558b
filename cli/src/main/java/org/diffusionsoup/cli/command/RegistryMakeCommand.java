package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.registry.SoupPlan;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup registry make}. */
@Command(
        name = "make",
        description = {
            "Average registered ingredients into a soup, or its next version.",
            "With --follow the soup takes in every ingredient there is, and 'soup update' those that"
                    + " come later. A soup that a search chose is recorded with its journal and all"
                    + " that the search looked at."
        },
        footer = {
            "  soup registry make everyone --follow",
            "  soup registry make pair --from noto,fluent --weights 2,1",
            "  soup registry make best --from noto,fluent --selection greedy.jsonl --method greedy"
                    + " --candidates noto,fluent,twemoji"
        })
final class RegistryMakeCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "The soup's name.")
    private String name = "";

    @Option(
            names = "--from",
            split = ",",
            paramLabel = "INGREDIENT",
            description = "Names of ingredients (default with --follow: all).")
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
            split = ",",
            paramLabel = "INGREDIENT",
            description = "Everything that the search looked at; needed with --selection.")
    private List<String> candidates = List.of();

    @Option(
            names = "--no-sum",
            description =
                    "Do not keep the exact sum (it takes several times the soup's size, and spares"
                            + " reading all ingredients at every change).")
    private boolean noSum;

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (!weights.isEmpty() && weights.size() != from.size()) {
            throw misuse(
                    weights.size()
                            + " weights for "
                            + from.size()
                            + " ingredients; give one for each.");
        }
        if (selection.isPresent() == candidates.isEmpty()) {
            throw misuse("--selection and --candidates belong together.");
        }
        List<SoupPlan.Item> items = new ArrayList<>();
        for (int i = 0; i < from.size(); i++) {
            items.add(
                    new SoupPlan.Item(
                            from.get(i),
                            weights.isEmpty()
                                    ? Coefficient.ONE
                                    : Coefficient.parse(weights.get(i))));
        }
        Optional<SoupPlan.Selection> chosen = Optional.empty();
        if (selection.isPresent()) {
            byte[] journal = Files.readAllBytes(selection.get());
            chosen =
                    Optional.of(
                            new SoupPlan.Selection(
                                    method,
                                    candidates,
                                    Json.object()
                                            .put("sha256", Hashes.sha256Hex(journal))
                                            .put(
                                                    "text",
                                                    new String(journal, StandardCharsets.UTF_8))
                                            .build()));
        }
        SoupRow made;
        try (Progress progress = console.progress()) {
            made = registry.open(progress).make(new SoupPlan(name, items, follow, chosen, !noSum));
        }
        console.result(SoupText.json(made), text -> SoupText.print(made, text));
    }
}
