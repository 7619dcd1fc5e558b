package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.DeviceFlag;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Fall;
import org.diffusionsoup.workbench.judges.JudgeCheck;
import org.diffusionsoup.workbench.judges.JudgeReport;
import org.diffusionsoup.workbench.judges.SceneJudgeCheck;
import org.diffusionsoup.workbench.judges.question.JudgeKind;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup judge check}: how far judges can be trusted. */
@Command(
        name = "check",
        description = {
            "Say how often judges are right about real held-out pictures, and whether their scores"
                    + " fall as noise grows and captions are swapped.",
            "'chance' is guessing; 'blind' is the answer that the same question had most often in"
                    + " training, which needs no look at the picture, and '-' where nothing is asked.",
            "Scenes are of held-out combinations, and the damages eight; every line says its goal and"
                    + " whether it is met.",
            "Without judges named, the embedded ones are checked; judges of scenes are not shipped and"
                    + " have to be named."
        },
        footer = {
            "  soup judge check --data shards/emoji",
            "  soup judge check --data shards/emoji --clip models/emoji-clip --limit 200 --json",
            "  soup judge check --scenes --clip scene-clip --vqa scene-vqa"
        })
final class JudgeCheckCommand extends SoupCommand {
    @Mixin private DeviceFlag device = new DeviceFlag();

    /** Of fewer pictures than these the figures say little. */
    private static final int FEW = 100;

    /** Scenes to look at where nothing is said. */
    private static final int SCENES = 400;

    @Option(
            names = "--data",
            paramLabel = "SHARD",
            description = "Data set whose held-out rows are judged.")
    private Optional<String> data = Optional.empty();

    @Option(
            names = "--scenes",
            description = "Judge scenes of held-out combinations instead of a data set.")
    private boolean scenes;

    @Mixin private DrawingsFlag drawings = new DrawingsFlag();

    @Option(
            names = "--clip",
            paramLabel = "DIR",
            description = "CLIP (default: models/judge-clip, unless other judges are named).")
    private Optional<Path> clip = Optional.empty();

    @Option(
            names = "--vqa",
            paramLabel = "DIR",
            description =
                    "BLIP that answers questions (default: models/emoji-vqa, unless other judges are"
                            + " named).")
    private Optional<Path> vqa = Optional.empty();

    @Option(
            names = "--reward",
            paramLabel = "DIR",
            description =
                    "ImageReward (default: models/emoji-reward, unless other judges are named).")
    private Optional<Path> reward = Optional.empty();

    @Option(
            names = "--aesthetic",
            paramLabel = "DIR",
            description =
                    "Aesthetic head, with the CLIP it reads as --clip (default:"
                            + " models/emoji-aesthetic, unless other judges are named).")
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
            paramLabel = "N",
            description =
                    "Look at N held-out pictures only, chosen at random (default: all; of scenes:"
                            + " 400).")
    private Optional<Integer> limit = Optional.empty();

    @Override
    protected void run(Console console) {
        Count.of("--limit", limit, this::misuse);
        if (scenes == data.isPresent()) {
            throw misuse("Say what the judges look at: either --data SHARD or --scenes.");
        }
        Map<JudgeKind, Path> judges = judges();
        judges.forEach(this::requireFolder); // before seconds of reading drawings
        JudgeReport report;
        try (Progress progress = console.progress()) {
            if (scenes) {
                int pictures = limit.orElse(SCENES);
                SceneJudgeCheck check =
                        new SceneJudgeCheck(drawings.load(progress), pictures, progress);
                report = check.run(judges);
            } else {
                report =
                        new JudgeCheck(
                                        ShardRef.parse(data.orElseThrow()).open(),
                                        limit.map(OptionalInt::of).orElse(OptionalInt.empty()),
                                        progress)
                                .run(judges, Optional.of(base));
            }
        }
        if (limit.isPresent() && limit.get() < FEW) {
            console.note(
                    "%s are few: the intervals are wide, some tasks have as many choices as"
                                    .formatted(Quantity.of(limit.get(), "picture"))
                            + " answers, and scores may fail to fall by chance. Take 100 or more.");
        }
        if (console.isJson()) {
            console.result(json(report), text -> {});
        } else {
            console.result(report, text -> print(report, text));
        }
    }

    private void requireFolder(JudgeKind kind, Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new SoupException(
                    "There is no judge %s; name one with --%s, or train it with soup judge train %s%s."
                            .formatted(
                                    folder, kind.word(), kind.word(), scenes ? " --scenes" : ""));
        }
    }

    private Map<JudgeKind, Path> judges() {
        Map<JudgeKind, Path> judges = new EnumMap<>(JudgeKind.class);
        clip.ifPresent(p -> judges.put(JudgeKind.CLIP, p));
        vqa.ifPresent(p -> judges.put(JudgeKind.VQA, p));
        reward.ifPresent(p -> judges.put(JudgeKind.REWARD, p));
        aesthetic.ifPresent(p -> judges.put(JudgeKind.AESTHETIC, p));
        if (judges.isEmpty() && scenes) {
            throw misuse(
                    "Name judges of scenes with --clip, --vqa, --reward or --aesthetic: none is"
                            + " shipped, and soup judge train KIND --scenes trains them.");
        }
        if (judges.isEmpty()) {
            for (JudgeKind kind : JudgeKind.values()) {
                judges.put(kind, Path.of("models/emoji-" + kind.word()));
            }
            judges.put(JudgeKind.CLIP, Path.of("models/judge-clip"));
        }
        return judges;
    }

    private static void print(JudgeReport report, PrintWriter text) {
        boolean goals = report.hasGoals();
        List<String> head =
                new ArrayList<>(
                        List.of("judge", "task", "right", "95 %", "chance", "blind", "asked"));
        if (goals) {
            head.addAll(List.of("goal", "met"));
        }
        TextTable table = new TextTable(head.toArray(String[]::new));
        for (Accuracy a : report.accuracies()) {
            Interval i = a.right().interval(0.95);
            List<String> row =
                    new ArrayList<>(
                            List.of(
                                    a.judge(),
                                    a.task(),
                                    percent(i.estimate()),
                                    percent(i.low()) + " to " + percent(i.high()),
                                    percent(a.chance()),
                                    a.blind().isPresent()
                                            ? percent(a.blind().getAsDouble())
                                            : TextTable.NONE,
                                    Long.toString(a.right().total())));
            if (goals) {
                boolean none = a.goal().isEmpty();
                row.add(none ? "" : percent(a.goal().getAsDouble()));
                row.add(none ? "" : a.meetsGoal() ? "yes" : "NO");
            }
            table.row(row.toArray(String[]::new));
        }
        table.print(text);
        text.println();
        List<Double> levels =
                report.falls().isEmpty() ? List.of() : report.falls().getFirst().levels();
        text.println("mean score as things get worse, at levels " + levels);
        for (Fall f : report.falls()) {
            text.printf(
                    "  %-10s %-18s %s  %s%n",
                    f.judge(),
                    f.by(),
                    f.means().stream()
                            .map(m -> String.format(Locale.ROOT, "%8.4f", m))
                            .collect(Collectors.joining(" ")),
                    f.isMonotone() ? "falls at every step" : "DOES NOT FALL at every step");
        }
        if (goals) {
            text.printf(
                    "%n%d of %d goals met (goal of the falls: at every step)%n",
                    report.goalsMet(), report.goals());
        }
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static Map<String, Object> json(JudgeReport report) {
        List<Map<String, Object>> accuracies =
                report.accuracies().stream().map(JudgeCheckCommand::json).toList();
        return Map.of(
                "accuracies",
                accuracies,
                "falls",
                report.falls().stream().map(JudgeCheckCommand::json).toList(),
                "allMonotone",
                report.allMonotone(),
                "goals",
                report.goals(),
                "goalsMet",
                report.goalsMet());
    }

    private static Map<String, Object> json(Fall f) {
        return Map.of(
                "judge", f.judge(),
                "by", f.by(),
                "levels", f.levels(),
                "means", f.means(),
                "pictures", f.pictures(),
                "monotone", f.isMonotone());
    }

    private static Map<String, Object> json(Accuracy a) {
        Interval i = a.right().interval(0.95);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("judge", a.judge());
        line.put("task", a.task());
        line.put("right", i.estimate());
        line.put("low", i.low());
        line.put("high", i.high());
        line.put("chance", a.chance());
        line.put("blind", a.blind().isPresent() ? a.blind().getAsDouble() : null);
        line.put("total", a.right().total());
        line.put("beatsChance", a.beatsChance());
        if (a.goal().isPresent()) {
            line.put("goal", a.goal().getAsDouble());
            line.put("met", a.meetsGoal());
        }
        return line;
    }
}
