package org.diffusionsoup.cli.bench;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.diffusionsoup.bench.ColdBenchmark;
import org.diffusionsoup.cli.console.Quantity;

/** How {@code soup bench merge --cold} tells what it measured. */
final class ColdMergeText {
    private ColdMergeText() {}

    /**
     * @param spared whether the machine's cache was left alone on request
     */
    static void print(ColdBenchmark.Result r, boolean spared, PrintWriter text) {
        text.println(
                "| dtype | of SD 2.1's UNet | n | input | memory of the machine | dd past the cache | cat + cp, sync | merge | to cat + cp | with sync | of dd's rate | first time, hashing too | memory |");
        text.println("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        double copy = r.cat() + r.cp() + r.flush();
        text.printf(
                Locale.ROOT,
                "| %s | 1/%d | %d | %s | %s | %s | %.2f + %.2f, %.2f s (%.2f GB/s) | %.2f s (%.2f GB/s) | **%.2f** | %.2f | %s | %.2f s | %.0f MB |%n",
                r.setting().dtype(),
                r.setting().divisor(),
                r.setting().ingredients(),
                Quantity.bytes(r.inputBytes()),
                Quantity.bytes(r.memoryBytes()),
                direct(r),
                r.cat(),
                r.cp(),
                r.flush(),
                r.rate(copy),
                r.merge(),
                r.rate(r.merge()),
                r.ratio(),
                r.flushedRatio(),
                share(r.shareOfDirect()),
                r.first(),
                r.peakMegabytes());
        text.println();
        text.println(
                "Each was measured once. GB/s are bytes of input over the whole time, writing"
                        + " included.");
        text.println(dropped(r, spared));
        if (!r.isPastMemory()) {
            text.println(
                    "Below memory: a page cache can hold these inputs. This shows that the"
                            + " measurement runs, not what a merge past memory takes.");
        }
        if (r.direct().isEmpty()) {
            text.println("dd cannot read past the page cache here (iflag=direct).");
        }
    }

    private static String dropped(ColdBenchmark.Result r, boolean spared) {
        return switch (r.dropped()) {
            case MACHINE -> "Before each, all cached pages of the machine were dropped.";
            case INPUTS ->
                    "Before each, the cached pages of the inputs were dropped; those of the whole"
                            + " machine were not, "
                            + (spared
                                    ? "as --spare-cache asks."
                                    : "for want of permission to write /proc/sys/vm/drop_caches.");
            case NOTHING ->
                    "No cached pages could be dropped; only inputs larger than memory keep the cache"
                            + " from serving them.";
        };
    }

    private static String direct(ColdBenchmark.Result r) {
        return r.direct().isPresent()
                ? String.format(
                        Locale.ROOT,
                        "%.2f s (%.2f GB/s)",
                        r.direct().getAsDouble(),
                        r.rate(r.direct().getAsDouble()))
                : "-";
    }

    private static String share(OptionalDouble s) {
        return s.isPresent() ? String.format(Locale.ROOT, "%.2f", s.getAsDouble()) : "-";
    }

    static Map<String, Object> json(ColdBenchmark.Result r) {
        Map<String, Object> json = BenchMergeCommand.setting(r.setting());
        json.put("input_bytes", r.inputBytes());
        json.put("memory_bytes", r.memoryBytes());
        json.put("past_memory", r.isPastMemory());
        json.put("dropped", r.dropped().name().toLowerCase(Locale.ROOT));
        r.direct()
                .ifPresent(s -> {
                    json.put("dd_seconds", s);
                    json.put("dd_gigabytes_per_second", r.rate(s));
                });
        json.put("cat_seconds", r.cat());
        json.put("cp_seconds", r.cp());
        json.put("sync_seconds", r.flush());
        json.put("copy_gigabytes_per_second", r.rate(r.cat() + r.cp() + r.flush()));
        json.put("first_seconds", r.first());
        json.put("merge_seconds", r.merge());
        json.put("merge_gigabytes_per_second", r.rate(r.merge()));
        json.put("ratio", r.ratio());
        json.put("ratio_with_sync", r.flushedRatio());
        r.shareOfDirect().ifPresent(s -> json.put("share_of_dd_rate", s));
        json.put("peak_megabytes", r.peakMegabytes());
        return json;
    }
}
