package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.cli.console.NearWord;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.search.Bounds;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.Evaluation;
import org.diffusionsoup.workbench.evaluate.EvaluationFiles;
import org.diffusionsoup.workbench.evaluate.EvaluationPlan;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipes;
import org.diffusionsoup.workbench.evaluate.Evaluator;
import org.diffusionsoup.workbench.study.Study;
import org.diffusionsoup.workbench.study.StudyResults;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup study run}. */
@Command(
        name = "run",
        description = {
            "Repeat tables and figures of the paper: each study is a recipe of evaluations that"
                    + " comes with the project (recipes/embedded, recipes/paper).",
            "Writes a folder per study, as soup evaluate does, and WORD.json beside it with the"
                    + " scores that soup study report compares. All studies share a cache of models,"
                    + " pictures and scores: what one has trained, the next one finds. The same"
                    + " command goes on after a stop."
        },
        footer = {
            "  soup study run all -o studies/",
            "  soup study run table1 fig4 -o studies/",
            "  soup study run all -o sd21/ --scale paper --dry-run"
        })
final class StudyRunCommand extends SoupCommand {
    private static final String ALL = "all";

    @Mixin private DeviceFlag device = new DeviceFlag();

    @Parameters(
            paramLabel = "STUDY",
            arity = "1..*",
            description =
                    "Which: table1 to table4, fig4 to fig9, fig7-rates, ensembles, unlearning,"
                            + " unlearning-rest, unlearning-style, unlearning-style-rest, or all.")
    private List<String> names = List.of();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the studies' folders and results.")
    private Path out = Path.of(".");

    @Option(
            names = "--scale",
            defaultValue = "embedded",
            paramLabel = "SCALE",
            description =
                    "embedded: with what is shipped; paper: with Stable Diffusion 2.1, 10,000 steps"
                            + " and 2,000 prompts, from files that the recipes in recipes/paper name (default:"
                            + " ${DEFAULT-VALUE}).")
    private Study.Scale scale = Study.Scale.EMBEDDED;

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description = "Folder of models, pictures and scores (default: cache in --out).")
    private Optional<Path> cache = Optional.empty();

    @Option(
            names = "--dry-run",
            description = "Say what the studies would train, draw and take, and do nothing.")
    private boolean dryRun;

    @Override
    protected void run(Console console) {
        List<Study> studies = studies();
        if (dryRun) {
            plan(console, studies);
            return;
        }
        studies.forEach(s -> {
            s.recipe(scale);
            OwnOutputs.EVALUATION.checkOwn(out.resolve(s.word()));
            OutputKind.JSON.checkOwn(results(s));
        });
        Map<String, Object> json = new LinkedHashMap<>();
        List<String> lines = new ArrayList<>();
        Path kept = cache.orElse(out.resolve(EvaluationFiles.CACHE));
        try (FolderLock alone = FolderLock.hold(out);
                FolderLock shared = FolderLock.hold(kept);
                Interrupt interrupt = Interrupt.listen(console)) {
            for (Study study : studies) {
                try (Progress progress = console.progress()) {
                    console.note(study.title());
                    Optional<Evaluation> done =
                            new Evaluator(
                                            EvaluationRecipes.read(study.recipe(scale))
                                                    .withModels(EvaluateCommand.placed(console)),
                                            kept,
                                            progress,
                                            interrupt,
                                            console.notes(progress))
                                    .run();
                    progress.close();
                    if (done.isEmpty()) {
                        console.stopped(EvaluationFiles.stopped(kept));
                        return;
                    }
                    Evaluation e = done.get();
                    EvaluationFiles.write(e, out.resolve(study.word()));
                    StudyResults.of(study, e).write(results(study));
                    json.put(study.word(), EvaluationFiles.json(e, out.resolve(study.word())));
                    lines.add(
                            "%s: %s, %s"
                                    .formatted(
                                            study.word(),
                                            Quantity.seconds(e.seconds()),
                                            out.resolve(study.word()).resolve("index.html")));
                }
            }
        }
        console.result(json, text -> lines.forEach(text::println));
    }

    private List<Study> studies() {
        List<String> known = Stream.concat(Study.words().stream(), Stream.of(ALL)).toList();
        for (String name : names) {
            if (!known.contains(name)) {
                throw misuse(
                        "there is no study '%s'; %s"
                                .formatted(
                                        name,
                                        NearWord.of(name, known.stream())
                                                .map("did you mean '%s'?"::formatted)
                                                .orElse(
                                                        "there are %s, and %s."
                                                                .formatted(
                                                                        String.join(
                                                                                ", ",
                                                                                Study.words()),
                                                                        ALL))));
            }
        }
        return names.contains(ALL)
                ? Arrays.asList(Study.values())
                : names.stream().distinct().map(Study::of).toList();
    }

    private Path results(Study study) {
        return out.resolve(study.word() + ".json");
    }

    private void plan(Console console, List<Study> studies) {
        Map<String, EvaluationPlan> plans = new LinkedHashMap<>();
        for (Study study : studies) {
            plans.put(study.word(), EvaluationPlan.of(EvaluationRecipes.plan(study.recipe(scale))));
        }
        Map<String, Object> json = new LinkedHashMap<>();
        plans.forEach((word, plan) -> json.put(word, json(plan)));
        console.result(json, text -> print(plans, text));
    }

    private static Map<String, Object> json(EvaluationPlan plan) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("trainings", plan.trainings());
        json.put("pictures_trained", plan.trainedPictures());
        bounds(json, "pictures_drawn", plan.pictures());
        json.put("searches", plan.searches());
        bounds(json, "candidates_searched", plan.candidates());
        bounds(json, "pictures_searched", plan.searchedPictures());
        bounds(json, "passes", plan.passes());
        json.put("models", plan.models());
        json.put("judges", plan.judges());
        plan.diskBytes().ifPresent(b -> json.put("disk_bytes", b));
        plan.trainingBytes().ifPresent(b -> json.put("training_bytes", b));
        plan.secondsPerPass()
                .ifPresent(s -> {
                    json.put("seconds", s * plan.passes().most());
                    json.put("seconds_at_least", s * plan.passes().least());
                });
        plan.missing().ifPresent(base -> json.put("missing_base", base.toString()));
        return json;
    }

    /** What it is at most under the name, and what it is at least under a second one. */
    private static void bounds(Map<String, Object> json, String name, Bounds n) {
        json.put(name, n.most());
        json.put(name + "_at_least", n.least());
    }

    private static void print(Map<String, EvaluationPlan> plans, PrintWriter text) {
        TextTable table =
                new TextTable(
                        "study",
                        "trainings",
                        "pictures trained",
                        "pictures drawn",
                        "UNet passes",
                        "models",
                        "disk",
                        "weights in training",
                        "time here");
        plans.forEach((word, p) ->
                table.row(
                        word,
                        p.trainings(),
                        Quantity.count(p.trainedPictures()),
                        between(p.pictures(), Quantity::count),
                        between(p.passes(), Quantity::count),
                        p.models(),
                        p.diskBytes().map(Quantity::bytes).orElse("?"),
                        p.trainingBytes().map(Quantity::bytes).orElse("?"),
                        p.secondsPerPass().isPresent()
                                ? between(
                                                p.passes(),
                                                n -> minutes(n, p.secondsPerPass().getAsDouble()))
                                        + " min"
                                : "?"));
        table.print(text);
        text.println();
        plans.forEach((word, p) -> {
            if (p.searches() > 0) {
                text.println(
                        "%s: %s of the pictures are of its %s, which score %s candidates on prompts of their own."
                                .formatted(
                                        word,
                                        between(p.searchedPictures(), Quantity::count),
                                        Plural.of(p.searches(), "search", "searches"),
                                        between(p.candidates(), Quantity::count)));
            }
        });
        if (plans.values().stream().anyMatch(p -> !p.passes().isExact())) {
            text.println(
                    "Two numbers are at least and at most: how many candidates a search scores, their"
                            + " scores decide.");
        }
        text.println(
                "Each as if nothing were in the cache; studies share what they train. Times are of training and"
                        + " drawing on this machine, judges come on top.");
        plans.values().stream()
                .flatMap(p -> p.missing().stream())
                .distinct()
                .forEach(base ->
                        text.println(
                                "?: disk, memory and time follow from the base model, and "
                                        + base
                                        + " is not there; put it there, in diffusers layout, and the"
                                        + " same command says them (shards, prompts and judges may come later)."));
        text.printf(
                Locale.ROOT,
                "A pass is one picture through the UNet once; a step of training counts as three.%n");
    }

    /** One text where both ends read alike, otherwise both. */
    private static String between(Bounds n, LongFunction<String> text) {
        String least = text.apply(n.least());
        String most = text.apply(n.most());
        return least.equals(most) ? most : least + " to " + most;
    }

    private static String minutes(long passes, double each) {
        return String.format(Locale.ROOT, "%.0f", Math.ceil(passes * each / 60));
    }
}
