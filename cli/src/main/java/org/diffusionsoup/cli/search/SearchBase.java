package org.diffusionsoup.cli.search;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.diffusionsoup.workbench.search.FoundSoup;
import org.diffusionsoup.workbench.search.SearchRequest;
import org.diffusionsoup.workbench.search.SoupSearch;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the {@code soup search} commands have in common. */
abstract class SearchBase extends SoupCommand {
    @Parameters(
            arity = "1..*",
            paramLabel = "INGREDIENT",
            description = "Folders in diffusers layout, of one base, at least two.")
    private List<Path> ingredients = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "OUT",
            description = "The soup to write; its header names the search.")
    private Path out = Path.of(".");

    @Mixin private SearchFlags search = new SearchFlags();

    @Option(
            names = "--journal",
            paramLabel = "FILE",
            description =
                    "Where evaluations are kept: the same command goes on from there, and other"
                            + " methods on the same ingredients and prompts use them (default:"
                            + " OUT.search.jsonl).")
    private Optional<Path> journal = Optional.empty();

    @Option(
            names = "--page",
            paramLabel = "FILE",
            description = "An HTML page with every decision, and pictures of the test prompts.")
    private Optional<Path> page = Optional.empty();

    @Option(names = "--force", description = "Replace an existing output.")
    private boolean force;

    abstract SearchMethod method();

    int defaultBudget() {
        return Integer.MAX_VALUE;
    }

    @Override
    protected void run(Console console) throws IOException {
        JudgeSpec spec = search.judge();
        SearchRequest request = request();
        ModelOutput.MODEL.check(out, force);
        ingredients.forEach(ModelNames::requireThere);
        page.ifPresent(OwnOutputs.PAGE::checkOwn);
        List<String> names = ingredients.stream().map(ModelNames::of).toList();
        console.onStop(
                () -> SearchOutput.stopped("candidate", request.journal(), request.testJournal()));
        FoundSoup found;
        try (PictureScorer judge = spec.open(ClipConvention.RAW_COSINE);
                Progress progress = console.progress()) {
            found =
                    new SoupSearch(request, judge, SearchOutput.listener(console, names), progress)
                            .run();
        }
        console.result(
                SearchOutput.json(found, request),
                text -> SearchOutput.print(found, request, text));
    }

    private SearchRequest request() {
        if (ingredients.size() < 2) {
            throw misuse("a search needs at least two ingredients to choose from.");
        }
        return new SearchRequest(
                ingredients,
                method(),
                search.prompts(),
                search.seeds(),
                search.settings(),
                search.acceptance(),
                search.budget(defaultBudget()),
                journal.orElseGet(() -> SearchOutput.beside(out, ".search.jsonl")),
                Optional.of(out),
                page,
                force);
    }
}
