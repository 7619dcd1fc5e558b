package org.diffusionsoup.cli.command;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Accuracy;
import org.diffusionsoup.workbench.judges.Fall;
import org.diffusionsoup.workbench.judges.JudgeCheck;
import org.diffusionsoup.workbench.judges.JudgeReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup judge check}: how far judges can be trusted. */
@Command(
        name = "check",
        description = {
            "Say how often judges are right about real held-out pictures, and whether their scores"
                    + " fall as noise grows and captions are swapped.",
            "Without judges named, the embedded ones are checked."
        },
        footer = {
            "  soup judge check --data shards/emoji",
            "  soup judge check --data shards/emoji --clip models/emoji-clip --limit 200 --json"
        })
final class JudgeCheckCommand extends SoupCommand {
    @Option(
            names = "--data",
            required = true,
            paramLabel = "SHARD",
            description = "Data set whose held-out rows are judged.")
    private String data = "";

    @Option(
            names = "--clip",
            paramLabel = "DIR",
            description = "CLIP (embedded: models/judge-clip).")
    private Optional<Path> clip = Optional.empty();

    @Option(
            names = "--vqa",
            paramLabel = "DIR",
            description = "BLIP that answers questions (embedded: models/emoji-vqa).")
    private Optional<Path> vqa = Optional.empty();

    @Option(
            names = "--reward",
            paramLabel = "DIR",
            description = "ImageReward (embedded: models/emoji-reward).")
    private Optional<Path> reward = Optional.empty();

    @Option(
            names = "--aesthetic",
            paramLabel = "DIR",
            description =
                    "Aesthetic head, with the CLIP it reads as --clip (embedded:"
                            + " models/emoji-aesthetic).")
    private Optional<Path> aesthetic = Optional.empty();

    @Option(
            names = "--base",
            defaultValue = "models/emoji-base",
            paramLabel = "DIR",
            description =
                    "Model whose incomplete drawings must be told from finished ones (default:"
                            + " ${DEFAULT-VALUE}).")
    private Path base = Path.of(".");

    @Option(
            names = "--limit",
            defaultValue = "0",
            paramLabel = "N",
            description = "Look at N held-out pictures only, chosen at random (default: all).")
    private int limit;

    @Override
    protected void run(Console console) {
        if (limit < 0) {
            throw misuse("--limit must not be negative, not " + limit + ".");
        }
        JudgeReport report;
        try (Progress progress = console.progress()) {
            report =
                    new JudgeCheck(ShardRef.parse(data).open(), limit, progress)
                            .run(judges(), Optional.of(base));
        }
        if (console.isJson()) {
            console.result(json(report), text -> {});
        } else {
            console.result(report, text -> print(report, text));
        }
    }

    private Map<JudgeCheck.Kind, Path> judges() {
        Map<JudgeCheck.Kind, Path> judges = new EnumMap<>(JudgeCheck.Kind.class);
        clip.ifPresent(p -> judges.put(JudgeCheck.Kind.CLIP, p));
        vqa.ifPresent(p -> judges.put(JudgeCheck.Kind.VQA, p));
        reward.ifPresent(p -> judges.put(JudgeCheck.Kind.REWARD, p));
        aesthetic.ifPresent(p -> judges.put(JudgeCheck.Kind.AESTHETIC, p));
        if (judges.isEmpty()) {
            judges.put(JudgeCheck.Kind.CLIP, Path.of("models/judge-clip"));
            judges.put(JudgeCheck.Kind.VQA, Path.of("models/emoji-vqa"));
            judges.put(JudgeCheck.Kind.REWARD, Path.of("models/emoji-reward"));
            judges.put(JudgeCheck.Kind.AESTHETIC, Path.of("models/emoji-aesthetic"));
        }
        return judges;
    }

    private static void print(JudgeReport report, PrintWriter text) {
        TextTable table =
                new TextTable("judge", "task", "right", "95 %", "chance", "blind", "pictures");
        for (Accuracy a : report.accuracies()) {
            Interval i = a.right().interval(0.95);
            table.row(
                    a.judge(),
                    a.task(),
                    percent(i.estimate()),
                    percent(i.low()) + " to " + percent(i.high()),
                    percent(a.chance()),
                    percent(a.blind()),
                    Long.toString(a.right().total()));
        }
        table.print(text);
        text.println();
        List<Double> levels =
                report.falls().isEmpty() ? List.of() : report.falls().getFirst().levels();
        text.println("mean score as things get worse, at levels " + levels);
        for (Fall f : report.falls()) {
            text.printf(
                    "  %-10s %-17s %s  %s%n",
                    f.judge(),
                    f.by(),
                    f.means().stream()
                            .map(m -> String.format(Locale.ROOT, "%8.4f", m))
                            .collect(Collectors.joining(" ")),
                    f.isMonotone() ? "falls at every step" : "DOES NOT FALL at every step");
        }
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static Map<String, Object> json(JudgeReport report) {
        List<Map<String, Object>> accuracies =
                report.accuracies().stream().map(JudgeCheckCommand::json).toList();
        return Map.of(
                "accuracies", accuracies,
                "falls", report.falls(),
                "allMonotone", report.allMonotone());
    }

    private static Map<String, Object> json(Accuracy a) {
        Interval i = a.right().interval(0.95);
        return Map.of(
                "judge", a.judge(),
                "task", a.task(),
                "right", i.estimate(),
                "low", i.low(),
                "high", i.high(),
                "chance", a.chance(),
                "blind", a.blind(),
                "total", a.right().total(),
                "beatsChance", a.beatsChance());
    }
}
