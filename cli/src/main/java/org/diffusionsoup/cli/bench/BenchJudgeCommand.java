package org.diffusionsoup.cli.bench;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.bench.JudgeBenchmark;
import org.diffusionsoup.bench.ResidentMemory;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup bench judge}: pictures per second and memory of judges. */
@Command(
        name = "judge",
        description =
                "Measure judges: pictures scored per second, preprocessing included, and resident"
                        + " memory meanwhile.",
        footer = {
            "  soup bench judge --judge models/emoji-clip",
            "  soup bench judge --judge imagereward:ImageReward.pt --judge tifa:vqa --questions"
                    + " questions.json --size 512"
        })
final class BenchJudgeCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    @Option(
            names = "--judge",
            required = true,
            paramLabel = "JUDGE",
            description = "As in soup score: " + JudgeSpec.FORMS + "; repeatable.")
    private List<String> judges = List.of();

    @Option(
            names = "--questions",
            paramLabel = "FILE",
            description = "Question file of tifa judges.")
    private Optional<Path> questions = Optional.empty();

    @Option(
            names = "--pictures",
            defaultValue = "640",
            paramLabel = "N",
            description = "Pictures to score per judge (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(
            names = "--size",
            defaultValue = "64",
            paramLabel = "N",
            description = "Their height and width in pixels (default: ${DEFAULT-VALUE}).")
    private int size;

    @Override
    protected void run(Console console) {
        List<JudgeBenchmark.Result> results;
        try (Progress progress = console.progress()) {
            results =
                    JudgeBenchmark.run(
                            new JudgeBenchmark.Request(
                                    judges.stream().map(this::spec).toList(), pictures, size),
                            progress);
        }
        console.result(results.stream().map(JsonForm::of).toList(), text -> print(results, text));
    }

    private JudgeSpec spec(String text) {
        return JudgeSpec.parse(text, JudgeSpec.asks(text) ? questions : Optional.empty());
    }

    /** A result with null where memory is not known. */
    private record JsonForm(
            String judge,
            String judgeSha256,
            int pictures,
            double picturesPerSecond,
            @Nullable Double startMiB,
            @Nullable Double endMiB,
            @Nullable ResidentMemory memoryMiB) {
        static JsonForm of(JudgeBenchmark.Result r) {
            return new JsonForm(
                    r.judge().name(),
                    r.judge().weightsSha256(),
                    r.pictures(),
                    r.picturesPerSecond(),
                    r.startMiB().orElse(null),
                    r.endMiB().orElse(null),
                    r.memory().orElse(null));
        }
    }

    private static void print(List<JudgeBenchmark.Result> results, PrintWriter text) {
        for (JudgeBenchmark.Result r : results) {
            text.printf(
                    Locale.ROOT,
                    "%s: %.1f pictures/s over %s%s%n",
                    r.judge().name(),
                    r.picturesPerSecond(),
                    Plural.of(r.pictures(), "picture"),
                    r.memory()
                            .map(m ->
                                    String.format(
                                            Locale.ROOT,
                                            ", resident memory %.0f MiB at the start, %.0f MiB at"
                                                    + " the end (drift %+.1f %%)",
                                            r.startMiB().orElse(0.0),
                                            r.endMiB().orElse(0.0),
                                            m.driftPercent()))
                            .orElse(""));
        }
    }
}
