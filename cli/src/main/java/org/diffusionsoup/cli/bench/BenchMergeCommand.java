package org.diffusionsoup.cli.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.diffusionsoup.bench.ColdBenchmark;
import org.diffusionsoup.bench.MergeBenchmark;
import org.diffusionsoup.bench.MergeBenchmark.Row;
import org.diffusionsoup.bench.MergeBenchmark.Setting;
import org.diffusionsoup.bench.MergeBenchmark.Withdrawal;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup bench merge}: merging against the limit that copying sets. */
@Command(
        name = "merge",
        description = {
            "Measure soup merge and soup adjust as whole processes against cat of the inputs plus cp"
                    + " of one output, on a warm page cache.",
            "The checkpoints have the shape of SD 2.1's UNet or a quarter of it; they need up to 17"
                    + " GB in the work folder and stay there for the next run.",
            "With --cold: checkpoints of full size, 1.1 times as large together as this machine's"
                    + " memory, merged once from the disk, against dd, cat and cp of them from the"
                    + " disk. Before each of these all cached pages of the machine are dropped where"
                    + " that is permitted."
        },
        footer = {
            "  soup bench merge --work /tmp/bench",
            "  soup bench merge --work /tmp/bench --quick --json",
            "  soup bench merge --work /tmp/bench --cold",
            "  soup bench merge --work /tmp/bench --cold --cold-size 2GB --spare-cache"
        })
final class BenchMergeCommand extends SoupCommand {
    @Option(
            names = "--work",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the checkpoints.")
    private Path work = Path.of(".");

    @Option(
            names = "--tries",
            defaultValue = "3",
            paramLabel = "N",
            description =
                    "Time everything so often and take the least (default: ${DEFAULT-VALUE}).")
    private int tries;

    @Option(
            names = "--quick",
            description = "Only n = 2 and 4 at a sixteenth of the size: does it run?")
    private boolean quick;

    @Option(
            names = "--cold",
            description =
                    "Measure merging from the disk instead, once, with inputs larger than memory.")
    private boolean cold;

    @Option(
            names = "--cold-size",
            paramLabel = "SIZE",
            description =
                    "Size of the inputs of --cold, such as 2GB. Below the size of memory the page"
                            + " cache can hold them, and the result says so.")
    private @Nullable String coldSize;

    @Option(
            names = "--spare-cache",
            description =
                    "With --cold: drop the cached pages of the inputs only, not all that this"
                            + " machine has cached.")
    private boolean spareCache;

    @Override
    protected String stopped() {
        return BenchCommand.stopped(work);
    }

    @Override
    protected void run(Console console) throws IOException {
        if (cold) {
            if (quick) {
                throw misuse("--quick and --cold are two runs; give one of them.");
            }
            cold(console);
            return;
        }
        if (coldSize != null || spareCache) {
            throw misuse("--cold-size and --spare-cache belong to --cold.");
        }
        List<Setting> merges = new ArrayList<>();
        List<Setting> withdrawals = new ArrayList<>();
        if (quick) {
            merges.add(new Setting(DType.F16, 16, 2));
            merges.add(new Setting(DType.F16, 16, 4));
            withdrawals.add(new Setting(DType.F16, 16, 4));
        } else {
            for (DType dtype : List.of(DType.F16, DType.F32)) {
                for (int n : new int[] {2, 9, 16}) {
                    merges.add(new Setting(dtype, 4, n));
                }
                withdrawals.add(new Setting(dtype, 4, 16));
            }
            for (int n : new int[] {2, 4, 9}) {
                merges.add(new Setting(DType.F16, 1, n));
            }
        }
        MergeBenchmark.Result result;
        try (Progress progress = console.progress()) {
            result =
                    new MergeBenchmark(work, tries, progress, row -> console.note(line(row)))
                            .run(merges, withdrawals);
        }
        console.result(json(result), text -> print(result, text));
    }

    private void cold(Console console) throws IOException {
        OptionalLong size =
                coldSize == null ? OptionalLong.empty() : OptionalLong.of(Quantity.parse(coldSize));
        ColdBenchmark.Result result;
        try (Progress progress = console.progress()) {
            result = new ColdBenchmark(work, size, spareCache, progress).run();
        }
        console.result(
                ColdMergeText.json(result), text -> ColdMergeText.print(result, spareCache, text));
    }

    private static void print(MergeBenchmark.Result result, PrintWriter text) {
        text.println(
                "| dtype | of SD 2.1's UNet | n | input | cat + cp, sync | merge | to cat + cp | with sync | first time, hashing too | memory | Python |");
        text.println("|---|---|---|---|---|---|---|---|---|---|---|");
        for (Row r : result.rows()) {
            text.println(line(r));
        }
        text.println();
        text.println(
                "| dtype | of SD 2.1's UNet | n | average the rest | withdraw by the sum | ratio | ratio of copying | both keeping the sum | ratio |");
        text.println("|---|---|---|---|---|---|---|---|---|");
        for (Withdrawal w : result.withdrawals()) {
            text.printf(
                    Locale.ROOT,
                    "| %s | 1/%d | %d | %.2f s | %.2f s | **%.2f** | %.2f | %.2f s, %.2f s | **%.2f** |%n",
                    w.setting().dtype(),
                    w.setting().divisor(),
                    w.setting().ingredients(),
                    w.again(),
                    w.adjust(),
                    w.ratio(),
                    w.copyRatio(),
                    w.keepAgain(),
                    w.keepAdjust(),
                    w.keepRatio());
        }
        text.println();
        text.println("Python: " + result.python());
    }

    private static String line(Row r) {
        return String.format(
                Locale.ROOT,
                "| %s | 1/%d | %d | %.1f GB | %.2f + %.2f, %.2f s | %.2f s | **%.2f** | %.2f | %.2f s | %.0f MB | %s |",
                r.setting().dtype(),
                r.setting().divisor(),
                r.setting().ingredients(),
                r.inputBytes() / 1e9,
                r.cat(),
                r.cp(),
                r.flush(),
                r.merge(),
                r.ratio(),
                r.flushedRatio(),
                r.first(),
                r.peakMegabytes(),
                seconds(r.python()));
    }

    private static String seconds(OptionalDouble s) {
        return s.isPresent() ? String.format(Locale.ROOT, "%.2f s", s.getAsDouble()) : "-";
    }

    private static Map<String, Object> json(MergeBenchmark.Result result) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (Row r : result.rows()) {
            Map<String, Object> row = setting(r.setting());
            row.put("input_bytes", r.inputBytes());
            row.put("cat_seconds", r.cat());
            row.put("cp_seconds", r.cp());
            row.put("sync_seconds", r.flush());
            row.put("first_seconds", r.first());
            row.put("merge_seconds", r.merge());
            row.put("ratio", r.ratio());
            row.put("ratio_with_sync", r.flushedRatio());
            row.put("peak_megabytes", r.peakMegabytes());
            r.python().ifPresent(p -> row.put("python_seconds", p));
            rows.add(row);
        }
        List<Map<String, Object>> withdrawals = new ArrayList<>();
        for (Withdrawal w : result.withdrawals()) {
            Map<String, Object> row = setting(w.setting());
            row.put("again_seconds", w.again());
            row.put("adjust_seconds", w.adjust());
            row.put("ratio", w.ratio());
            row.put("copy_ratio", w.copyRatio());
            row.put("again_keeping_seconds", w.keepAgain());
            row.put("adjust_keeping_seconds", w.keepAdjust());
            row.put("ratio_keeping", w.keepRatio());
            withdrawals.add(row);
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("merges", rows);
        json.put("withdrawals", withdrawals);
        json.put("python", result.python());
        return json;
    }

    static Map<String, Object> setting(Setting s) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("dtype", s.dtype().name());
        row.put("divisor", s.divisor());
        row.put("ingredients", s.ingredients());
        return row;
    }
}
