package org.diffusionsoup.cli.judge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.command.SamplingFlags;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.audit.AuditPage;
import org.diffusionsoup.workbench.audit.AuditRow;
import org.diffusionsoup.workbench.audit.AuditTarget;
import org.diffusionsoup.workbench.audit.AuditVerdict;
import org.diffusionsoup.workbench.audit.MemorizationAudit;
import org.diffusionsoup.workbench.audit.RecordedAudit;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.registry.AuditedShard;
import org.diffusionsoup.workbench.registry.RegistryShards;
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
                    + " withdrawal, and one that never had the shard; or ingredients, each against"
                    + " the shard it was trained on (--model DIR=SHARD).",
            "With --soup the soup is taken out of the registry and the outcome is recorded there as"
                    + " evaluation 'audit' of that shard, which 'soup publish --require' asks for."
                    + " The exit status is 1 when a rate may lie above --bound."
        },
        footer = {
            "  soup audit --model models/emoji-base --shard shards/emoji#provider=noto --judge"
                    + " models/judge-clip",
            "  soup audit --model before --model after --model never --shard withdrawn.tar"
                    + " --reference shards/emoji#split=heldout --judge models/judge-clip --page"
                    + " audit.html",
            "  soup audit --model food='shards/emoji#domain=food' --model"
                    + " vehicles='shards/emoji#domain=vehicles' --judge models/judge-clip",
            "  soup audit --soup everyone --shard acme --reference other.tar --judge"
                    + " models/judge-clip --bound 0.02 --pictures 400"
        })
public final class AuditCommand extends SoupCommand {
    /** Pictures that are drawn at most where nobody says how many. */
    private static final int MOST_UNASKED = 200;

    @Option(
            names = "--model",
            paramLabel = "DIR[=SHARD]",
            description =
                    "Model, a folder or a single file; repeatable. With =SHARD it is held against those"
                            + " pictures, and draws their captions, instead of --shard's.")
    private List<String> models = List.of();

    @Option(
            names = "--soup",
            paramLabel = "NAME",
            description = "Soup of the registry; the outcome is recorded there.")
    private Optional<String> soup = Optional.empty();

    @Option(
            names = "--shard",
            paramLabel = "SHARD",
            description =
                    "The protected pictures: training rows of a tar, a data set or a view, or the"
                            + " name of a shard of the registry; of every model that names no shard"
                            + " of its own.")
    private Optional<String> shardText = Optional.empty();

    @Option(
            names = "--reference",
            paramLabel = "SHARD",
            description =
                    "Real pictures that no model was trained on, at least 20 (default: the held-out"
                            + " rows of the shard).")
    private Optional<String> referenceText = Optional.empty();

    @Option(
            names = "--judge",
            required = true,
            paramLabel = "DIR",
            description = "CLIP that measures distances.")
    private Path judgeFolder = Path.of(".");

    @Option(
            names = "--pictures",
            paramLabel = "N",
            description =
                    "Pictures that every model draws, of prompts chosen at random, and of each again"
                            + " from other noise where the shard has fewer (default: one of each"
                            + " prompt, at most 200).")
    private Optional<Integer> pictures = Optional.empty();

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
        try (Interrupt interrupt = Interrupt.listen(console)) {
            audit(console, interrupt);
        }
    }

    private void audit(Console console, Interrupt interrupt) throws IOException {
        page.ifPresent(OwnOutputs.PAGE::checkOwn);
        if (models.isEmpty() && soup.isEmpty()) {
            throw misuse("give --model DIR, or --soup NAME of a registry.");
        }
        if (pictures.orElse(1) < 1 || !(bound > 0 && bound <= 1)) {
            throw misuse("--pictures goes from 1, and --bound from above 0 to 1.");
        }
        List<AuditTarget> targets =
                models.stream()
                        .map(AuditTarget::parse)
                        .map(t ->
                                new AuditTarget(
                                        RunnableFolders.runnable(t.folder(), console), t.shard()))
                        .toList();
        targets.forEach(t -> DiffusersFolder.require(t.folder()));
        if (shardText.isEmpty()) {
            if (soup.isPresent()) {
                throw misuse("missing --shard SHARD: which pictures is --soup held against?");
            }
            for (AuditTarget t : targets) {
                if (t.shard().isEmpty()) {
                    throw misuse(
                            "--model %s has no pictures to be held against; give --shard SHARD, or --model %s=SHARD."
                                    .formatted(t.folder(), t.folder()));
                }
            }
        }
        // The ledger is asked before a judge is loaded, and everything opened before drawing.
        Optional<Registry> ledger = soup.map(s -> registry.open());
        String hash =
                ledger.map(r -> r.read(q -> Names.soup(q, soup.orElseThrow()).checkpoint()))
                        .orElse("");
        Map<String, Pictures> shards = new LinkedHashMap<>();
        List<AuditRow> rows = new ArrayList<>();
        try (WorkFolder folder = WorkFolder.make("soup-audit-");
                ClipJudge judge = ClipJudge.load(judgeFolder, ClipConvention.RAW_COSINE);
                Progress progress = new StoppableProgress(console.progress(), interrupt)) {
            Path work = folder.path();
            if (soup.isPresent()) {
                open(shardText.orElseThrow(), shards, work);
            }
            targets.forEach(t -> open(against(t), shards, work));
            Map<String, MemorizationAudit> audits = audits(judge, shards, progress);
            sayWhatTheBoundTakes(console, shards.values());
            ledger.ifPresent(r -> sayWhatItIsOf(console, r, shards));
            if (ledger.isPresent()) {
                // The folder's name is the model's name on the page.
                Path model = ledger.get().export(hash, work.resolve(soup.orElseThrow()));
                rows.add(row(model, shardText.orElseThrow(), audits, progress));
            }
            for (AuditTarget t : targets) {
                rows.add(row(t.folder(), against(t), audits, progress));
            }
        } catch (StoppableProgress.Stopped e) {
            console.stopped(
                    "Stopped; nothing is kept of it, and the same command draws its pictures"
                            + " again.");
            return;
        }
        Optional<Long> entry = Optional.empty();
        Optional<SoupException> unrecorded = Optional.empty();
        try {
            if (soup.isPresent()) {
                entry = Optional.of(record(console, rows.getFirst(), hash));
            }
        } catch (SoupException e) {
            unrecorded = Optional.of(e); // what took an hour to measure is told all the same
        }
        AuditOutput output = new AuditOutput(rows, bound);
        console.result(output.json(entry), output::print);
        if (entry.isPresent()) {
            console.note("recorded as entry " + entry.get());
        }
        // Last: what was measured is told and recorded even where no page can be written.
        page.ifPresent(file ->
                AuditPage.write(
                        rows, bound, sampling.settings(), sampling.seeds().getFirst(), file));
        if (unrecorded.isPresent()) {
            throw unrecorded.get();
        }
        AuditVerdict verdict = AuditVerdict.of(rows.stream().map(AuditRow::result).toList(), bound);
        if (!verdict.passes()) {
            throw new SoupException(
                    "The rate of near copies %s%s."
                            .formatted(
                                    verdict.sentence("--bound " + bound),
                                    remedy(targets, verdict.above().isEmpty())));
        }
    }

    /**
     * What may bring the rate within the bound.
     *
     * @param targets what was audited
     * @param open whether more pictures may show that none is above
     */
    private String remedy(List<AuditTarget> targets, boolean open) {
        List<String> ways = new ArrayList<>();
        if (soup.isEmpty() && targets.stream().allMatch(AuditTarget::isIngredient)) {
            ways.add("soup it with ingredients of other shards");
        }
        if (open) {
            ways.add("draw more --pictures for a narrower interval");
        }
        return ways.isEmpty() ? "" : "; " + String.join(", or ", ways);
    }

    private String against(AuditTarget target) {
        return target.shard().or(() -> shardText).orElseThrow();
    }

    /** What models are held against. */
    private record Pictures(Shard rows, Shard reference) {}

    private void open(String text, Map<String, Pictures> shards, Path work) {
        if (!shards.containsKey(text)) {
            Shard all = ShardRef.parse(source(text, work)).open();
            Shard reference =
                    referenceText.map(r -> ShardRef.parse(r).open()).orElseGet(() -> heldOut(all));
            shards.put(text, new Pictures(all.train(), reference));
        }
    }

    /** A shard as it is named: a path, or the name of a recorded shard where no data has it. */
    private String source(String text, Path work) {
        return Files.isDirectory(registry.folder())
                ? RegistryShards.source(registry::open, text, work)
                : text;
    }

    private int drawn(Pictures p) {
        return pictures.orElseGet(() -> Math.min(MOST_UNASKED, p.rows().size()));
    }

    /** Before hours of drawing: whether so many pictures can show what is asked for at all. */
    private void sayWhatTheBoundTakes(Console console, Collection<Pictures> shards) {
        if (bound >= 1) {
            return;
        }
        long least = Requirement.Audit.fewest(bound, 0);
        int chance = (int) Math.round(100 * MemorizationAudit.BY_CHANCE);
        String usual =
                100 * bound > chance
                        ? ", %d where one in a hundred is one by chance"
                                .formatted(Requirement.Audit.fewest(bound, chance))
                        : "; with one in a hundred by chance it never passes";
        int fewest = shards.stream().mapToInt(this::drawn).min().orElse(0);
        console.note(
                "To show a rate within --bound %s takes %s without a near copy%s; %s drawn%s."
                        .formatted(
                                bound,
                                Plural.of(least, "picture"),
                                usual,
                                Plural.of(fewest, "is", "are"),
                                fewest < least ? ", which cannot show it" : ""));
    }

    /** Before hours of drawing: why what is recorded may count for no requirement. */
    private void sayWhatItIsOf(Console console, Registry ledger, Map<String, Pictures> shards) {
        String text = shardText.orElseThrow();
        Shard rows = Objects.requireNonNull(shards.get(text)).rows();
        AuditedShard.of(ledger, soup.orElseThrow(), rows, text)
                .map(of -> of.note(text))
                .orElseGet(() ->
                        Optional.of(
                                "No shard of the registry has just the pictures of "
                                        + text
                                        + ": the audit is recorded, and counts for no requirement."))
                .ifPresent(console::note);
        if (!sampling.settings().isModelsOwn()) {
            console.note(
                    "Drawn otherwise than with the model's own sampling: the audit is recorded, and"
                            + " counts for no requirement.");
        }
    }

    /** One audit per shard; the same rows under two names share one. */
    private Map<String, MemorizationAudit> audits(
            ClipJudge judge, Map<String, Pictures> shards, Progress progress) {
        Map<String, MemorizationAudit> byRows = new HashMap<>();
        Map<String, MemorizationAudit> audits = new HashMap<>();
        long seed = sampling.seeds().getFirst();
        shards.forEach((text, p) ->
                audits.put(
                        text,
                        byRows.computeIfAbsent(
                                p.rows().sha256() + p.reference().sha256(),
                                unused ->
                                        new MemorizationAudit(
                                                judge,
                                                p.rows(),
                                                p.reference(),
                                                drawn(p),
                                                seed,
                                                progress))));
        return audits;
    }

    private AuditRow row(
            Path model, String text, Map<String, MemorizationAudit> audits, Progress progress) {
        MemorizationAudit audit = Objects.requireNonNull(audits.get(text));
        try (Generator generator = Generator.open(model, sampling.settings())) {
            return new AuditRow(
                    text, audit, audit.of(generator, sampling.seeds().getFirst(), progress));
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

    private long record(Console console, AuditRow row, String checkpoint) {
        MemorizationAudit.Result r = row.result();
        MemorizationAudit audit = row.audit();
        Registry target = registry.open();
        String now = target.read(q -> Names.soup(q, soup.orElseThrow()).checkpoint());
        if (!now.equals(checkpoint)) {
            throw new SoupException(
                    "The soup "
                            + soup.orElseThrow()
                            + " was made again while it was being audited, so this is recorded nowhere;"
                            + " audit it once more.");
        }
        Optional<AuditedShard> of =
                AuditedShard.of(target, soup.orElseThrow(), audit.shard(), row.against());
        JsonObject facts =
                new RecordedAudit(row, bound)
                        .facts(
                                of.map(AuditedShard::name),
                                of.map(AuditedShard::texts),
                                RegistryShards.nameOf(target, audit.against()),
                                checkpoint,
                                sampling.settings());
        return target.evaluate(soup.orElseThrow(), "audit", r.isWithin(bound), facts);
    }
}
