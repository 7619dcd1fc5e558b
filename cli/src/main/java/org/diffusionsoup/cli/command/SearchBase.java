package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.TifaQuestions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.diffusionsoup.workbench.evaluate.SubjectChoice;
import org.diffusionsoup.workbench.generate.ModelNames;
import org.diffusionsoup.workbench.generate.Prompts;
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

    @Option(
            names = "--judge",
            required = true,
            paramLabel = "JUDGE",
            description =
                    "Who chooses: clip:DIR or just DIR, imagereward:PATH, tifa:PATH, tifa:clip:DIR"
                            + " or aesthetic:DIR,HEAD, as in soup score.")
    private String judgeText = "";

    @Option(
            names = "--questions",
            paramLabel = "FILE",
            description =
                    "TIFA v1.0 question file of a tifa judge; without other prompts its captions"
                            + " are drawn.")
    private Optional<Path> questions = Optional.empty();

    @Option(names = "--prompts", paramLabel = "FILE", description = "File with one prompt a line.")
    private Optional<Path> promptsFile = Optional.empty();

    @Mixin private ShardFlags shard = new ShardFlags();

    @Option(
            names = "--validation",
            defaultValue = "0",
            paramLabel = "N",
            description =
                    "Choose by N of the prompts, taken at random; the others test the result"
                            + " (default: half).")
    private int validation;

    @Option(
            names = "--split-seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of that choice (default: ${DEFAULT-VALUE}).")
    private long splitSeed;

    @Option(
            names = "--accept",
            defaultValue = "any",
            paramLabel = "WHAT",
            description =
                    "any: every higher mean, as in the paper; clear: only improvements whose"
                            + " confidence interval lies above 0 (default: ${DEFAULT-VALUE}).")
    private String accept = "any";

    @Option(
            names = "--budget",
            defaultValue = "0",
            paramLabel = "N",
            description =
                    "Most candidates to score (default: 50 for simplex, what the method needs for"
                            + " others).")
    private int budget;

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

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    abstract SearchMethod method();

    int defaultBudget() {
        return Integer.MAX_VALUE;
    }

    @Override
    protected void run(Console console) throws IOException {
        JudgeSpec spec = JudgeSpec.parse(judgeText, questions);
        spec.requireFiles(judgeText);
        SearchRequest request = request();
        if (!force && Files.exists(out)) {
            throw new SoupException(
                    out + " exists already; name another --out, or add --force to replace it.");
        }
        List<String> names = ingredients.stream().map(ModelNames::of).toList();
        FoundSoup found;
        try (PictureScorer judge = spec.open(ClipConvention.RAW_COSINE);
                Progress progress = console.progress()) {
            found =
                    new SoupSearch(
                                    request,
                                    judge,
                                    (e, known) ->
                                            console.note(
                                                    String.format(
                                                            Locale.ROOT,
                                                            "%3d  %.4f  %s%s",
                                                            e.number(),
                                                            e.mean(),
                                                            e.candidate().describe(names),
                                                            known ? "  (from the journal)" : "")),
                                    progress)
                            .run();
        }
        console.result(
                SearchOutput.json(found, request),
                text -> SearchOutput.print(found, request, text));
    }

    /** Without prompts the captions that have questions; with prompts, each needs some. */
    private void askable(List<String> prompts, List<String> captions) {
        if (prompts.isEmpty()) {
            prompts.addAll(captions);
        }
        for (String prompt : prompts) {
            if (!captions.contains(prompt)) {
                throw new SoupException(
                        "%s has no question about '%s'; TIFA needs some for every prompt (soup judge questions makes them)."
                                .formatted(questions.orElseThrow(), prompt));
            }
        }
    }

    private SearchRequest request() {
        Acceptance acceptance =
                switch (accept) {
                    case "any" -> Acceptance.ANY_IMPROVEMENT;
                    case "clear" -> Acceptance.CLEAR_IMPROVEMENT;
                    default ->
                            throw misuse("--accept '" + accept + "' is unknown; use any or clear.");
                };
        if (budget < 0 || validation < 0) {
            throw misuse("--budget and --validation must be at least 1.");
        }
        if (ingredients.size() < 2) {
            throw misuse("a search needs at least two ingredients to choose from.");
        }
        List<String> prompts = new ArrayList<>();
        promptsFile.ifPresent(file -> prompts.addAll(Prompts.read(file)));
        if (shard.isGiven()) {
            prompts.addAll(SubjectChoice.prompts(shard.open(false, OptionalInt.empty())));
        }
        if (questions.isPresent()) {
            askable(prompts, TifaQuestions.read(questions.get()).captions());
        }
        if (prompts.isEmpty()) {
            throw misuse("no prompts; give --prompts FILE or --shard SHARD.");
        }
        int choose = validation == 0 ? prompts.size() / 2 : validation;
        Path name = out.toAbsolutePath().normalize();
        return new SearchRequest(
                ingredients,
                method(),
                SearchRequest.Split.of(prompts, choose, splitSeed),
                sampling.seeds(),
                sampling.settings(),
                acceptance,
                budget == 0 ? defaultBudget() : budget,
                journal.orElse(name.resolveSibling(name.getFileName() + ".search.jsonl")),
                out,
                page,
                force);
    }
}
