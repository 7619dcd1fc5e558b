package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.Domains;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.scene.Drawing;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.SceneRows;
import org.diffusionsoup.data.scene.Subject;
import org.diffusionsoup.data.scene.Subjects;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.data.scene.Worlds;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup data build-scenes}: a finite shard of composed pictures. */
@Command(
        name = "build-scenes",
        description = {
            "Compose a shard of scenes: pictures of 64x64 with captions and the truth about them.",
            "Rows for training hold no held-out combination, held-out rows hold at least one; the"
                    + " same options give the same bytes."
        },
        footer = {
            "  soup data build-scenes --domain animals --provider fluent --rows 90 -o animals.tar",
            "  soup data build-scenes --tier ae2 --rows 100 --heldout 0 --seed 2 -o ae2.tar",
            "  soup data build-scenes --provider lineart --rows 0 --heldout 200 -o prompts.tar"
        })
final class DataBuildScenesCommand extends SoupCommand {
    private static final int MOST = 1_000_000;

    @Mixin private DrawingsFlag drawings = new DrawingsFlag();

    @Option(
            names = "--tier",
            defaultValue = "curated",
            paramLabel = "TIER",
            description = "One of web, ae1 to ae5, curated (default: ${DEFAULT-VALUE}).")
    private Tier tier = Tier.CURATED;

    @Option(
            names = "--provider",
            split = ",",
            paramLabel = "NAME",
            description = "Only drawings of these providers (default: all).")
    private List<String> providers = List.of();

    @Option(
            names = "--domain",
            split = ",",
            paramLabel = "NAME",
            description = "Only subjects of these domains (default: all).")
    private List<String> domains = List.of();

    @Option(
            names = "--subject",
            split = ",",
            paramLabel = "NAME",
            description = "Only these subjects (default: all but those held out entirely).")
    private List<String> subjects = List.of();

    @Option(
            names = "--rows",
            defaultValue = "100",
            paramLabel = "N",
            description = "Rows to train on (default: ${DEFAULT-VALUE}).")
    private int rows;

    @Option(
            names = "--heldout",
            defaultValue = "20",
            paramLabel = "N",
            description = "Rows of held-out combinations (default: ${DEFAULT-VALUE}).")
    private int heldOut;

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Seed of the shard (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "TAR",
            description = "The shard to write.")
    private Path out = Path.of(".");

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        long all = (long) rows + heldOut;
        if (rows < 0 || heldOut < 0 || all < 1 || all > MOST) {
            throw misuse("--rows and --heldout must be 0 or more, together 1 to " + MOST + ".");
        }
        known("--domain", domains, Domains.PAPER);
        known("--subject", subjects, Subjects.all().stream().map(Subject::name).toList());
        OutputKind.TAR.check(out, force);
        for (Subject s : Subjects.all()) {
            if (rows > 0 && s.heldOut() && subjects.contains(s.name())) {
                throw misuse(
                        "No model may ever learn from " + s.plural() + "; give --rows 0 with it.");
            }
        }
        try (Progress progress = console.progress()) {
            Drawings loaded = drawings.load(progress);
            known(
                    "--provider",
                    providers,
                    loaded.all().stream().map(Drawing::provider).distinct().sorted().toList());
            List<Sample> made;
            try {
                made =
                        new SceneRows(loaded, wanted(), tier, seed)
                                .rows(rows, heldOut, new CountedSteps(progress, "scenes")::update);
            } catch (SoupException e) {
                throw new SoupException(
                        "These scenes cannot be made of "
                                + drawings.folder()
                                + ": "
                                + e.getMessage()
                                + ".",
                        e);
            }
            ShardWriter.write(out, made);
        }
        Shard shard = Shard.open(out);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("shard", out.toString());
        result.put("train", rows);
        result.put("heldout", heldOut);
        result.put("sha256", shard.sha256());
        console.result(
                result,
                text ->
                        text.printf(
                                "%s: %s to train on, %,d held out, sha256 %s%n",
                                out, Plural.of(rows, "row"), heldOut, shard.sha256()));
    }

    private Predicate<Drawing> wanted() {
        Set<String> inDomain =
                Set.copyOf(
                        Subjects.all().stream()
                                .filter(s -> domains.isEmpty() || domains.contains(s.domain()))
                                .map(Subject::name)
                                .toList());
        return d ->
                inDomain.contains(d.subject())
                        && (providers.isEmpty() || providers.contains(d.provider()))
                        && (subjects.isEmpty() ? Worlds.known(d) : subjects.contains(d.subject()));
    }

    private void known(String flag, List<String> given, List<String> all) {
        for (String g : given) {
            if (!all.contains(g)) {
                throw misuse(flag + " must be of " + String.join(", ", all) + "; not " + g + ".");
            }
        }
    }
}
