package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.audit.AuditPage;
import org.diffusionsoup.workbench.audit.MemorizationAudit;
import org.diffusionsoup.workbench.generate.Generator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup audit}: does a model reproduce pictures it was trained on? */
@Command(
        name = "audit",
        description = {
            "Draw the prompts of a shard's pictures and measure by CLIP how close the drawings come"
                    + " to those pictures: distances, and how many are near copies.",
            "A near copy is closer to a protected picture than 99 of 100 real pictures of the"
                    + " reference are. Several models are measured side by side: before and after a"
                    + " withdrawal, and one that never had the shard.",
            "With --soup the soup is taken out of the registry and the outcome is recorded there as"
                    + " evaluation 'audit', which 'soup publish --require audit' asks for. The exit"
                    + " status is 1 when a rate may lie above --bound."
        },
        footer = {
            "  soup audit --model models/emoji-base --shard shards/emoji#provider=noto --judge"
                    + " models/judge-clip",
            "  soup audit --model before --model after --model never --shard withdrawn.tar"
                    + " --reference shards/emoji#split=heldout --judge models/judge-clip --page"
                    + " audit.html",
            "  soup audit --soup everyone --shard acme.tar --reference other.tar --judge"
                    + " models/judge-clip --bound 0.02"
        })
final class AuditCommand extends SoupCommand {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Model in diffusers layout; repeatable.")
    private List<Path> models = List.of();

    @Option(
            names = "--soup",
            paramLabel = "NAME",
            description = "Soup of the registry; the outcome is recorded there.")
    private Optional<String> soup = Optional.empty();

    @Option(
            names = "--shard",
            required = true,
            paramLabel = "SHARD",
            description = "The protected pictures: training rows of a tar, a data set or a view.")
    private String shardText = "";

    @Option(
            names = "--reference",
            paramLabel = "SHARD",
            description =
                    "Real pictures that no model was trained on, at least 20 (default: the held-out"
                            + " rows of --shard).")
    private Optional<String> referenceText = Optional.empty();

    @Option(
            names = "--judge",
            required = true,
            paramLabel = "DIR",
            description = "CLIP that measures distances.")
    private Path judgeFolder = Path.of(".");

    @Option(
            names = "--pictures",
            defaultValue = "200",
            paramLabel = "N",
            description =
                    "Prompts to draw, chosen at random; all if there are fewer (default:"
                            + " ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(
            names = "--bound",
            defaultValue = "0.05",
            paramLabel = "RATE",
            description =
                    "Largest rate of near copies that passes; the upper end of its interval"
                            + " has to be within (default: ${DEFAULT-VALUE}).")
    private double bound;

    @Option(
            names = "--page",
            paramLabel = "FILE",
            description = "Write an HTML page with distributions and the closest pictures.")
    private Optional<Path> page = Optional.empty();

    @Mixin private SamplingFlags sampling = new SamplingFlags();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        page.ifPresent(OwnOutputs.PAGE::checkOwn);
        if (models.isEmpty() && soup.isEmpty()) {
            throw misuse("give --model DIR, or --soup NAME of a registry.");
        }
        if (pictures < 1 || !(bound > 0 && bound <= 1)) {
            throw misuse("--pictures goes from 1, and --bound from above 0 to 1.");
        }
        Shard rows = ShardRef.parse(shardText).open();
        Shard reference =
                referenceText
                        .map(text -> ShardRef.parse(text).open())
                        .orElseGet(() -> heldOut(rows));
        List<MemorizationAudit.Result> results = new ArrayList<>();
        MemorizationAudit audit;
        Path work = Files.createTempDirectory("soup-audit-");
        String hash = "";
        try (ClipJudge judge = ClipJudge.load(judgeFolder, ClipConvention.RAW_COSINE);
                Progress progress = console.progress()) {
            List<Path> all = new ArrayList<>(models);
            if (soup.isPresent()) {
                Registry r = registry.open();
                hash = r.read(q -> Registry.soup(q, soup.get()).checkpoint());
                // The folder's name is the model's name on the page.
                all.addFirst(r.export(hash, work.resolve(soup.get())));
            }
            long first = sampling.seeds().getFirst();
            audit =
                    new MemorizationAudit(
                            judge, rows.train(), reference, pictures, first, progress);
            for (Path model : all) {
                try (Generator generator = Generator.open(model, sampling.settings())) {
                    results.add(audit.of(generator, first, progress));
                }
            }
        } finally {
            delete(work);
        }
        page.ifPresent(file -> AuditPage.write(audit, results, file));
        Optional<Long> entry = Optional.empty();
        if (soup.isPresent()) {
            MemorizationAudit.Result r = results.getFirst();
            entry = Optional.of(record(r, audit, hash));
        }
        console.result(json(audit, results, entry), text -> print(audit, results, text));
        if (entry.isPresent()) {
            console.note("recorded as entry " + entry.get());
        }
        List<String> over =
                results.stream()
                        .filter(r -> !r.isWithin(bound))
                        .map(MemorizationAudit.Result::model)
                        .toList();
        if (!over.isEmpty()) {
            throw new SoupException(
                    "The rate of near copies may lie above --bound %s for %s; soup it with other shards, or draw more --pictures for a narrower interval."
                            .formatted(bound, String.join(", ", over)));
        }
    }

    private static Shard heldOut(Shard rows) {
        Shard held = rows.heldOut();
        if (held.size() == 0) {
            throw new SoupException(
                    "The shard "
                            + rows.name()
                            + " has no held-out rows; give real pictures that no model was trained"
                            + " on as --reference.");
        }
        return held;
    }

    private long record(MemorizationAudit.Result r, MemorizationAudit audit, String checkpoint) {
        Registry target = registry.open();
        String now = target.read(q -> Registry.soup(q, soup.orElseThrow()).checkpoint());
        if (!now.equals(checkpoint)) {
            throw new SoupException(
                    "The soup "
                            + soup.orElseThrow()
                            + " was made again while it was being audited; audit it once more.");
        }
        JsonObject body =
                Json.object()
                        .put("checkpoint", checkpoint)
                        .put("shard_sha256", audit.shard().sha256())
                        .put("judge", audit.judge().name())
                        .put("judge_sha256", audit.judge().weightsSha256())
                        .put("near_copies", r.copies().hits())
                        .put("pictures", r.copies().total())
                        .put("bound", Double.toString(bound))
                        .put("threshold", Double.toString(audit.threshold()))
                        .build();
        return target.evaluate(soup.orElseThrow(), "audit", r.isWithin(bound), body);
    }

    private Map<String, Object> json(
            MemorizationAudit audit, List<MemorizationAudit.Result> results, Optional<Long> entry) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("shard", audit.shard().name());
        json.put("shard_sha256", audit.shard().sha256());
        json.put("judge", audit.judge().name());
        json.put("judge_sha256", audit.judge().weightsSha256());
        json.put("threshold", audit.threshold());
        json.put("bound", bound);
        json.put("reference", audit.reference());
        List<Map<String, Object>> rows = new ArrayList<>();
        for (MemorizationAudit.Result r : results) {
            Interval rate = r.copies().interval(0.95);
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("model", r.model());
            row.put("unet_sha256", r.unetSha256());
            row.put("near_copies", r.copies().hits());
            row.put("pictures", r.copies().total());
            row.put("rate", rate.estimate());
            row.put("low", rate.low());
            row.put("high", rate.high());
            row.put("passed", r.isWithin(bound));
            row.put("median_nearest", median(r.nearest()));
            row.put("median_own", median(r.own()));
            row.put("nearest", r.nearest());
            row.put("own", r.own());
            rows.add(row);
        }
        json.put("models", rows);
        entry.ifPresent(e -> json.put("entry", e));
        return json;
    }

    private void print(
            MemorizationAudit audit, List<MemorizationAudit.Result> results, PrintWriter out) {
        out.printf(
                Locale.ROOT,
                "%d protected pictures, %d drawn by each model; a near copy is closer than %.4f%n%n",
                audit.shard().size(),
                audit.drawn().size(),
                audit.threshold());
        TextTable table =
                new TextTable(
                        "model",
                        "near copies",
                        "rate",
                        "95 %",
                        "median to nearest",
                        "to its own",
                        "--bound " + bound);
        for (MemorizationAudit.Result r : results) {
            Interval rate = r.copies().interval(0.95);
            table.row(
                    r.model(),
                    r.copies().hits() + " of " + r.copies().total(),
                    "%.1f %%".formatted(100 * rate.estimate()),
                    "%.1f to %.1f %%".formatted(100 * rate.low(), 100 * rate.high()),
                    "%.4f".formatted(median(r.nearest())),
                    "%.4f".formatted(median(r.own())),
                    r.isWithin(bound) ? "within" : "may be above");
        }
        table.row(
                "(reference)",
                "",
                "%.1f %%".formatted(100 * MemorizationAudit.BY_CHANCE),
                "",
                "%.4f".formatted(median(audit.reference())),
                "",
                "");
        table.print(out);
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : all.sorted(Collections.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }
}
