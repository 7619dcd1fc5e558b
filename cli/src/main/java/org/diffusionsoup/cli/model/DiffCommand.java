package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.Count;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.HeatStrip;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.diff.BlockDiff;
import org.diffusionsoup.core.diff.CheckpointDiff;
import org.diffusionsoup.core.diff.DiffReport;
import org.diffusionsoup.core.diff.Sums;
import org.diffusionsoup.core.diff.TensorDiff;
import org.diffusionsoup.core.diff.TensorDiff.Kind;
import org.diffusionsoup.image.png.DiffPicture;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup diff}: how far two checkpoints are apart, and where. */
@Command(
        name = "diff",
        description = {
            "Show how far checkpoint B is from A, block by block: the relative distance |A-B|/|A|,"
                    + " and with --base the cosine between what A and what B learned.",
            "Any layout and any floating-point dtype; memory does not grow with the size."
        },
        footer = {
            "  soup diff base/ noto/",
            "  soup diff noto/ fluent/ --base base/ --plot diff.png",
            "  soup diff a.safetensors b.ckpt --depth 1 --json"
        })
public final class DiffCommand extends SoupCommand {
    @Parameters(index = "0", paramLabel = "A", description = "A checkpoint of any layout.")
    private Path a = Path.of("");

    @Parameters(index = "1", paramLabel = "B", description = "The one to compare with it.")
    private Path b = Path.of("");

    @Option(
            names = "--base",
            paramLabel = "C",
            description = "The base of both: gives the cosine of A-C and B-C.")
    private Optional<Path> base = Optional.empty();

    @Option(
            names = "--plot",
            paramLabel = "OUT.png",
            description = "Draw it: blocks in the model's order, colour by the log of distance.")
    private Optional<Path> plot = Optional.empty();

    @Option(
            names = "--variant",
            paramLabel = "WORD",
            description =
                    "Read this variant of the weights of diffusers folders, such as fp16 (default:"
                            + " the files without such a word in their names).")
    private String variant = "";

    @Option(
            names = "--top",
            defaultValue = "10",
            paramLabel = "N",
            description = "How many blocks and tensors to list (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--depth",
            defaultValue = "2",
            paramLabel = "D",
            description =
                    "Levels of a key that make a block; 2 gives down_blocks.0.attentions.1"
                            + " (default: ${DEFAULT-VALUE}).")
    private int depth;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Worker threads (default: all processors).")
    private Optional<Integer> threads = Optional.empty();

    @Override
    protected void run(Console console) throws IOException {
        plot.ifPresent(OwnOutputs.PICTURE::checkOwn);
        if (top < 0) {
            throw misuse("--top must be at least 0, not " + top + ".");
        }
        if (depth < 1) {
            throw misuse("--depth must be at least 1, not " + depth + ".");
        }
        int workers = Count.threads(threads, this::misuse);
        DiffReport report;
        try (Progress progress = console.progress();
                Checkpoint x = Checkpoint.open(a, variant);
                Checkpoint y = Checkpoint.open(b, variant)) {
            CheckpointDiff diff = new CheckpointDiff(workers, depth, new MegabyteSteps(progress));
            if (base.isPresent()) {
                try (Checkpoint c = Checkpoint.open(base.get(), variant)) {
                    report = diff.compare(x, y, Optional.of(c));
                }
            } else {
                report = diff.compare(x, y, Optional.empty());
            }
        }
        if (plot.isPresent()) {
            PngFiles.write(
                    plot.get(),
                    DiffPicture.draw(report, name(a), name(b), base.map(DiffCommand::name)),
                    Map.of("Software", "Diffusion Soup"));
        }
        console.result(json(report), out -> text(report, out));
        plot.ifPresent(p -> console.note("wrote " + p));
    }

    private static String name(Path path) {
        return String.valueOf(path.toAbsolutePath().normalize().getFileName());
    }

    private void text(DiffReport report, PrintWriter out) {
        out.println("A  " + a);
        out.println("B  " + b);
        out.println();
        HeatStrip.print(report, HeatStrip.isColourful(), out);
        out.println();
        out.println(counts(report));
        Sums total = report.total();
        out.println(
                "relative distance "
                        + HeatStrip.number(total.relative())
                        + ", largest difference "
                        + HeatStrip.number(total.maxAbs())
                        + (report.withBase() ? ", cosine " + cosine(total) : ""));
        if (total.nonFinite() > 0) {
            List<TensorDiff> spoilt =
                    report.tensors().stream().filter(t -> t.sums().nonFinite() > 0).toList();
            out.println(
                    Quantity.of(total.nonFinite(), "pair")
                            + " with NaN or infinity left out, in "
                            + Quantity.of(spoilt.size(), "tensor")
                            + ", the first "
                            + Visible.shortened(spoilt.getFirst().place()));
        }
        List<BlockDiff> blocks =
                report.blocks().stream()
                        .filter(b -> b.sums().relative() > 0)
                        .sorted(
                                Comparator.comparingDouble((BlockDiff b) -> b.sums().relative())
                                        .reversed())
                        .limit(top)
                        .toList();
        if (!blocks.isEmpty()) {
            out.println();
            TextTable table =
                    report.withBase()
                            ? new TextTable("farthest blocks", "distance", "largest", "cosine")
                            : new TextTable("farthest blocks", "distance", "largest");
            blocks.forEach(b -> row(table, place(b), b.sums(), report.withBase()));
            table.print(out);
        }
        List<TensorDiff> worst = report.worst(top);
        if (!worst.isEmpty()) {
            out.println();
            TextTable table =
                    report.withBase()
                            ? new TextTable("farthest tensors", "distance", "largest", "cosine")
                            : new TextTable("farthest tensors", "distance", "largest");
            worst.forEach(
                    t -> row(table, Visible.shortened(t.place()), t.sums(), report.withBase()));
            table.print(out);
        }
    }

    private static String place(BlockDiff b) {
        return b.component().isEmpty() ? b.name() : b.component() + "." + b.name();
    }

    private static void row(TextTable table, String name, Sums sums, boolean withBase) {
        String relative = HeatStrip.number(sums.relative());
        String largest = HeatStrip.number(sums.maxAbs());
        if (withBase) {
            table.row(name, relative, largest, cosine(sums));
        } else {
            table.row(name, relative, largest);
        }
    }

    private static String cosine(Sums sums) {
        double c = sums.cosine();
        return Double.isNaN(c) ? "-" : String.format(Locale.ROOT, "%.4f", c);
    }

    private static String counts(DiffReport report) {
        List<String> said = new ArrayList<>();
        said.add(Quantity.of(report.tensors().size(), "tensor"));
        for (Kind kind : Kind.values()) {
            long n = report.count(kind);
            if (n > 0) {
                said.add(
                        n
                                + switch (kind) {
                                    case EQUAL -> " equal";
                                    case DIFFERENT -> " different";
                                    case INTEGERS_DIFFER -> " integer tensors differ";
                                    case OTHER_KIND -> " of another shape or kind";
                                    case ONLY_A -> " only in A";
                                    case ONLY_B -> " only in B";
                                });
            }
        }
        return said.getFirst() + ": " + String.join(", ", said.subList(1, said.size()));
    }

    private Map<String, Object> json(DiffReport report) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("a", a.toString());
        json.put("b", b.toString());
        base.ifPresent(c -> json.put("base", c.toString()));
        Map<String, Object> counts = new LinkedHashMap<>();
        counts.put("tensors", report.tensors().size());
        for (Kind kind : Kind.values()) {
            counts.put(kind.name().toLowerCase(Locale.ROOT), report.count(kind));
        }
        json.put("counts", counts);
        json.put("total", sums(report.total(), report.withBase()));
        List<Object> blocks = new ArrayList<>();
        for (BlockDiff b : report.blocks()) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("component", b.component());
            entry.put("block", b.name());
            entry.put("tensors", b.tensors());
            entry.put("equal", b.equal());
            entry.put("elements", b.elements());
            entry.putAll(sums(b.sums(), report.withBase()));
            blocks.add(entry);
        }
        json.put("blocks", blocks);
        List<Object> worst = new ArrayList<>();
        for (TensorDiff t : report.worst(top)) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("tensor", t.place());
            entry.put("block", t.block());
            entry.putAll(sums(t.sums(), t.withBase()));
            worst.add(entry);
        }
        json.put("worst", worst);
        return json;
    }

    /** JSON has no NaN and no infinity: such numbers are left out. */
    private static Map<String, Object> sums(Sums sums, boolean withBase) {
        Map<String, Object> json = new LinkedHashMap<>();
        if (Double.isFinite(sums.relative())) {
            json.put("relative_distance", sums.relative());
        }
        json.put("max_abs", sums.maxAbs());
        if (withBase && Double.isFinite(sums.cosine())) {
            json.put("cosine", sums.cosine());
        }
        json.put("non_finite", sums.nonFinite());
        return json;
    }
}
