package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.ClipFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.curate.ShardSplit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data split}: one shard into several. */
@Command(
        name = "split",
        description = {
            "Cut a shard into several: by quantiles of a score, by a field of the rows, or at random.",
            "Every training row goes to exactly one shard, but for --disjoint with a field. Memory: 4 to 28"
                    + " bytes per row, about 60 with --disjoint."
        },
        footer = {
            "  soup data split photos.tar --by clip-score --shards 5 --judge models/emoji-clip"
                    + " -o parts",
            "  soup data split photos.tar --by aesthetic --shards 5 --judge clip-vit-large-patch14"
                    + " --head sac+logos+ava1-l14-linearMSE.pth -o AE",
            "  soup data split shards/emoji --by domain -o domains",
            "  soup data split shards/emoji --random 4 --disjoint -o parts"
        })
final class DataSplitCommand extends SoupCommand {
    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    private static final String RANDOM = "random";
    private static final List<String> SCORES = List.of("aesthetic", "clip-score");

    @Option(
            names = "--by",
            defaultValue = RANDOM,
            paramLabel = "WHAT",
            description =
                    "aesthetic or clip-score (highest first), random, or a field: domain, provider,"
                            + " licence, style, group, subgroup, split (default: ${DEFAULT-VALUE}).")
    private String by = RANDOM;

    @Option(names = "--shards", paramLabel = "N", description = "How many, with a score or random.")
    private Optional<Integer> shards = Optional.empty();

    @Option(names = "--random", paramLabel = "N", description = "Short for --by random --shards N.")
    private Optional<Integer> random = Optional.empty();

    @Option(
            names = "--seed",
            defaultValue = "0",
            paramLabel = "N",
            description = "Seed of --by random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--disjoint",
            description =
                    "No shard may hold a near-duplicate of another's picture: they go to one shard"
                            + " or, with a field, only the first stays.")
    private boolean disjoint;

    @Option(
            names = "--include-heldout",
            description =
                    "Split held-out rows too; without it only training rows are, but for --by split"
                            + " and views that name a split.")
    private boolean includeHeldOut;

    @Option(
            names = "--head",
            paramLabel = "FILE",
            description = "The aesthetic predictor's head, made for the CLIP of --judge.")
    private Optional<Path> head = Optional.empty();

    @Mixin private ClipFlag clip = new ClipFlag();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder to write, one tar per shard.")
    private Path out = Path.of(".");

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        if (!SCORES.contains(by) && !by.equals(RANDOM) && !SampleInfo.FIELDS.contains(by)) {
            throw misuse(
                    "--by '%s' is unknown; use %s, %s or a field, one of %s."
                            .formatted(
                                    by,
                                    String.join(", ", SCORES),
                                    RANDOM,
                                    String.join(", ", SampleInfo.FIELDS)));
        }
        if (SampleInfo.FIELDS.contains(by) && random.isEmpty()) {
            refuseUnused("--shards", "how many shards there are is the field's");
            refuseUnused("--seed", "a field is no lot");
        }
        OutputKind.TARS.check(out, force);
        Inputs.keep(out, List.of(ShardRef.parse(ref).path()), "its shard");
        Optional<PictureScorer> scorer = Optional.empty();
        try (Progress progress = console.progress()) {
            String what = random.isPresent() ? RANDOM : by;
            ShardSplit.By how;
            if (what.equals("clip-score")) {
                scorer =
                        Optional.of(
                                clip.open()
                                        .orElseThrow(
                                                () -> misuse("missing --judge DIR: which CLIP?")));
                how = new ShardSplit.By.Score(scorer.get(), count(), "CS");
            } else if (what.equals("aesthetic")) {
                scorer = Optional.of(aesthetic());
                how = new ShardSplit.By.Score(scorer.get(), count(), "AE");
            } else if (what.equals(RANDOM)) {
                how = new ShardSplit.By.Lot(count(), seed);
            } else {
                how = new ShardSplit.By.Field(what);
            }
            ShardScan scan = ShardScan.of(ShardRef.parse(ref));
            int heldOut = 0;
            if (!wantsHeldOut(scan.ref(), what)) {
                heldOut = heldOutRows(scan, progress);
                scan = scan.where(SampleInfo::isTrain);
            }
            int left = heldOut;
            ShardSplit result = ShardSplit.run(scan, how, disjoint, out, force, progress);
            progress.close();
            console.result(
                    json(result, left, scorer),
                    text -> {
                        for (ShardSplit.Part p : result.shards()) {
                            text.printf(
                                    "%s: %s%s%n",
                                    p.file(),
                                    Plural.of(p.rows(), "row"),
                                    p.lowest().isEmpty()
                                            ? ""
                                            : ", scores "
                                                    + shown(p.lowest())
                                                    + " to "
                                                    + shown(p.highest()));
                        }
                        if (disjoint) {
                            text.printf(
                                    "%s moved to a near-duplicate's shard, %,d left out%n",
                                    Plural.of(result.moved(), "row"), result.leftOut());
                        }
                        if (left > 0) {
                            text.printf(
                                    "%s left out; --include-heldout splits %s too%n",
                                    Plural.of(left, "held-out row"), left == 1 ? "it" : "them");
                        }
                    });
        } finally {
            scorer.ifPresent(PictureScorer::close);
        }
    }

    private void refuseUnused(String option, String why) {
        if (isGiven(option)) {
            throw misuse(option + " says nothing with --by " + by + ": " + why + "; leave it out.");
        }
    }

    private boolean wantsHeldOut(ShardRef shard, String what) {
        return includeHeldOut
                || what.equals("split")
                || shard.terms().stream().anyMatch(term -> term.field().equals("split"));
    }

    /** Counts the rows kept from training; refuses a shard that has no others. */
    private static int heldOutRows(ShardScan scan, Progress progress) {
        progress.start("count " + scan.name(), 0, "images");
        int[] heldOut = {0};
        int all =
                scan.forEach((index, row) -> {
                    heldOut[0] += row.info().isTrain() ? 0 : 1;
                    progress.advance(1);
                });
        if (all > 0 && heldOut[0] == all) {
            throw new SoupException(
                    (all == 1
                                            ? "The only row of %s is"
                                            : "All " + Plural.of(all, "row") + " of %s are")
                                    .formatted(scan.ref())
                            + " held out; add --include-heldout to split them.");
        }
        return heldOut[0];
    }

    /** A score to four digits, as everywhere; whole in --json. */
    private static String shown(String score) {
        return String.format(Locale.ROOT, "%.4f", Double.parseDouble(score));
    }

    private PictureScorer aesthetic() {
        if (!clip.isGiven()) {
            throw misuse("missing --judge DIR: which CLIP?");
        }
        return clip.openAesthetic(
                head.orElseThrow(() -> misuse("missing --head FILE: which aesthetic head?")));
    }

    private int count() {
        if (random.isPresent() && random.get() < 1) {
            throw misuse("--random must be at least 1, not " + random.get() + ".");
        }
        return random.or(() -> shards)
                .orElseThrow(() -> misuse("missing --shards N: into how many?"));
    }

    private static Map<String, Object> json(
            ShardSplit result, int heldOut, Optional<PictureScorer> scorer) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put(
                "shards",
                result.shards().stream()
                        .map(p -> {
                            Map<String, Object> part = new LinkedHashMap<>();
                            part.put("name", p.name());
                            part.put("file", p.file().toString());
                            part.put("rows", p.rows());
                            if (!p.lowest().isEmpty()) {
                                part.put("lowest", Double.parseDouble(p.lowest()));
                                part.put("highest", Double.parseDouble(p.highest()));
                            }
                            return part;
                        })
                        .toList());
        json.put("moved", result.moved());
        json.put("left_out", result.leftOut());
        json.put("heldout_left_out", heldOut);
        scorer.ifPresent(s -> json.put("judge", s.judge().toString()));
        return json;
    }
}
