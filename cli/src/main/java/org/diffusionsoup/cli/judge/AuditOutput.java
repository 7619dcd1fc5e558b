package org.diffusionsoup.cli.judge;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.workbench.audit.AuditRow;
import org.diffusionsoup.workbench.audit.MemorizationAudit;

/**
 * Audits as text and as JSON.
 *
 * @param rows one per model, differences are to the first
 * @param bound the largest rate that passes
 */
record AuditOutput(List<AuditRow> rows, double bound) {

    /** The first row of every shard, in the order in which they come. */
    private Collection<AuditRow> shards() {
        Map<MemorizationAudit, AuditRow> first = new LinkedHashMap<>();
        rows.forEach(r -> first.putIfAbsent(r.audit(), r));
        return first.values();
    }

    Map<String, Object> json(Optional<Long> entry) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("judge", rows.getFirst().audit().judge().name());
        json.put("judge_sha256", rows.getFirst().audit().judge().weightsSha256());
        json.put("bound", bound);
        List<Map<String, Object>> shards = new ArrayList<>();
        for (AuditRow r : shards()) {
            Map<String, Object> shard = new LinkedHashMap<>();
            shard.put("shard", r.against());
            shard.put("shard_sha256", r.audit().shard().sha256());
            shard.put("protected", r.audit().shard().size());
            shard.put("threshold", r.audit().threshold());
            shard.put("reference_name", r.audit().against().name());
            shard.put("reference_sha256", r.audit().against().sha256());
            shard.put("reference_left_out", r.audit().leftOut());
            shard.put("reference", r.audit().reference());
            shard.put("median_reference", r.audit().typical());
            r.audit().weakness().map(Flags::in).ifPresent(w -> shard.put("warning", w));
            shards.add(shard);
        }
        json.put("shards", shards);
        json.put("baseline", rows.getFirst().result().model());
        List<Map<String, Object>> models = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            models.add(json(i));
        }
        json.put("models", models);
        entry.ifPresent(e -> json.put("entry", e));
        return json;
    }

    private Map<String, Object> json(int i) {
        AuditRow r = rows.get(i);
        MemorizationAudit.Result result = r.result();
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("model", result.model());
        row.put("unet_sha256", result.unetSha256());
        row.put("shard", r.against());
        row.put("shard_sha256", r.audit().shard().sha256());
        row.put("near_copies", result.copies().hits());
        row.put("pictures", result.copies().total());
        row.put("rate", r.rate().estimate());
        row.put("low", r.rate().low());
        row.put("high", r.rate().high());
        if (i > 0) {
            AuditRow.Difference d = r.minus(rows.getFirst());
            Map<String, Object> difference = ScoreOutput.interval(d.interval());
            difference.put("paired", d.paired());
            row.put("minus_baseline", difference);
        }
        row.put("passed", result.isWithin(bound));
        row.put("median_nearest", MemorizationAudit.median(result.nearest()));
        row.put("median_own", MemorizationAudit.median(result.own()));
        row.put("nearest", result.nearest());
        row.put("own", result.own());
        return row;
    }

    void print(PrintWriter out) {
        for (AuditRow r : shards()) {
            out.printf(
                    Locale.ROOT,
                    "%s: %d protected pictures, %d drawn by each model; a near copy is closer than"
                            + " %.4f%n",
                    r.against(),
                    r.audit().shard().size(),
                    r.audit().drawn().size(),
                    r.audit().threshold());
            if (r.audit().leftOut() > 0) {
                out.printf(
                        "  %s of the reference left out: near-doubles of protected ones%n",
                        Plural.of(r.audit().leftOut(), "picture"));
            }
        }
        out.println();
        String first = rows.getFirst().result().model();
        TextTable table =
                new TextTable(
                        "model",
                        "held against",
                        "near copies",
                        "rate",
                        "95 %",
                        "to " + first + ", 95 %",
                        "median to nearest",
                        "to its own",
                        "--bound " + bound);
        for (int i = 0; i < rows.size(); i++) {
            AuditRow r = rows.get(i);
            MemorizationAudit.Result result = r.result();
            table.row(
                    result.model(),
                    r.against(),
                    result.copies().hits() + " of " + result.copies().total(),
                    String.format(Locale.ROOT, "%.1f %%", 100 * r.rate().estimate()),
                    String.format(
                            Locale.ROOT,
                            "%.1f to %.1f %%",
                            100 * r.rate().low(),
                            100 * r.rate().high()),
                    i == 0 ? "" : r.minus(rows.getFirst()).text(),
                    String.format(Locale.ROOT, "%.4f", MemorizationAudit.median(result.nearest())),
                    String.format(Locale.ROOT, "%.4f", MemorizationAudit.median(result.own())),
                    result.standing(bound));
        }
        for (AuditRow r : shards()) {
            table.row(
                    "(reference)",
                    r.against(),
                    "",
                    String.format(Locale.ROOT, "%.1f %%", 100 * MemorizationAudit.BY_CHANCE),
                    "",
                    "",
                    String.format(Locale.ROOT, "%.4f", r.audit().typical()),
                    "",
                    "");
        }
        table.print(out);
        for (AuditRow r : shards()) {
            r.audit()
                    .weakness()
                    .map(Flags::in)
                    .ifPresent(w -> {
                        out.println();
                        out.println("Warning: " + w);
                    });
        }
    }
}
