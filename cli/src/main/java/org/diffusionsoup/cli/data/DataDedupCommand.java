package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.ClipFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.curate.Dedup;
import org.diffusionsoup.workbench.curate.DedupPage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data dedup}: pictures that are stored twice. */
@Command(
        name = "dedup",
        description = {
            "Find near-duplicates within shards and across them: stored again, scaled, a little"
                    + " brighter.",
            "Perceptual hash first, then colours at 16×16 pixels, then with --judge the distance of"
                    + " CLIP embeddings; a pair must pass each. Of a pair the earlier row stays."
        },
        footer = {
            "  soup data dedup shards/emoji --page pairs.html",
            "  soup data dedup mine.tar theirs.tar --judge models/emoji-clip -o clean"
        })
final class DataDedupCommand extends SoupCommand {
    private static final int SHOWN = 20;

    @Parameters(
            paramLabel = "SHARD",
            arity = "1..*",
            description = "Tars, data set folders or views; earlier ones keep their pictures.")
    private List<String> refs = List.of();

    @Option(
            names = "--max-bits",
            defaultValue = "10",
            paramLabel = "N",
            description =
                    "Bits of the 64-bit hash that may differ, 0 to 15 (default: ${DEFAULT-VALUE}).")
    private int maxBits;

    @Option(
            names = "--max-difference",
            defaultValue = "0.04",
            paramLabel = "X",
            description =
                    "Root mean square difference of the colours, 0 to 1 (default:"
                            + " ${DEFAULT-VALUE}).")
    private double maxDifference;

    @Mixin private ClipFlag clip = new ClipFlag();

    @Option(
            names = "--max-distance",
            defaultValue = "0.1",
            paramLabel = "X",
            description =
                    "With --judge: 1 - cosine of the embeddings, 0 to 2 (default:"
                            + " ${DEFAULT-VALUE}).")
    private double maxDistance;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "DIR",
            description = "Folder for the shards without near-duplicates, one tar each.")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--page",
            paramLabel = "HTML",
            description = "Page with the pairs side by side.")
    private Optional<Path> page = Optional.empty();

    @Option(names = "--force", description = "Replace an existing --out and --page.")
    private boolean force;

    @Override
    protected void run(Console console) {
        out.ifPresent(folder -> OutputKind.TARS.check(folder, force));
        out.ifPresent(folder ->
                Inputs.keep(
                        folder,
                        refs.stream().map(r -> ShardRef.parse(r).path()).toList(),
                        "its shard"));
        page.ifPresent(file -> OwnOutputs.PAGE.check(file, force));
        NearDuplicates.Options options =
                new NearDuplicates.Options(maxBits, maxDifference, maxDistance);
        List<ShardScan> scans = refs.stream().map(r -> ShardScan.of(ShardRef.parse(r))).toList();
        Optional<ClipJudge> judge = clip.open();
        try (Progress progress = console.progress()) {
            Dedup result = Dedup.run(scans, options, judge, out, force, progress);
            page.ifPresent(file ->
                    DedupPage.write(file, scans, options, judge.isPresent(), result.found()));
            progress.close();
            console.result(
                    json(result, scans),
                    text -> {
                        List<NearDuplicates.Pair> pairs = result.found().pairs();
                        for (NearDuplicates.Pair p :
                                pairs.subList(0, Math.min(SHOWN, pairs.size()))) {
                            text.printf(
                                    Locale.ROOT,
                                    "%s  %s  %s%n",
                                    name(scans, p.first()),
                                    name(scans, p.second()),
                                    p.identical()
                                            ? "same file"
                                            : String.format(
                                                    Locale.ROOT,
                                                    "%s, colours %.4f",
                                                    Plural.of(p.bits(), "bit"),
                                                    p.difference()));
                        }
                        if (pairs.size() > SHOWN) {
                            text.println("…");
                        }
                        text.printf(
                                "%s; %,d of %s %s a near-duplicate of an earlier one%n",
                                Plural.of(pairs.size(), "pair"),
                                result.superfluous(),
                                Plural.of(
                                        result.found().rows().stream().mapToInt(i -> i).sum(),
                                        "row"),
                                result.superfluous() == 1 ? "is" : "are");
                        result.written().forEach(text::println);
                        emptied(result, scans)
                                .forEach(name ->
                                        text.println(
                                                "no tar of "
                                                        + name
                                                        + ": each of its rows is a near-duplicate of an"
                                                        + " earlier one"));
                    });
        } finally {
            judge.ifPresent(ClipJudge::close);
        }
    }

    /** Names of the shards of which nothing is left to write. */
    private List<String> emptied(Dedup result, List<ShardScan> scans) {
        List<String> names = new ArrayList<>();
        for (int s = 0; out.isPresent() && s < scans.size(); s++) {
            int dropped = result.found().dropped().get(s).cardinality();
            if (dropped == result.found().rows().get(s)) {
                names.add(scans.get(s).name());
            }
        }
        return names;
    }

    private static String name(List<ShardScan> scans, NearDuplicates.Place place) {
        return scans.get(place.shard()).name() + "/" + place.key();
    }

    private Map<String, Object> json(Dedup result, List<ShardScan> scans) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("rows", result.found().rows());
        json.put("near_duplicates", result.superfluous());
        json.put("comparisons", result.found().comparisons());
        List<Map<String, Object>> pairs = new ArrayList<>();
        for (NearDuplicates.Pair p : result.found().pairs()) {
            Map<String, Object> pair = new LinkedHashMap<>();
            pair.put("first", name(scans, p.first()));
            pair.put("second", name(scans, p.second()));
            pair.put("identical", p.identical());
            pair.put("bits", p.bits());
            pair.put("difference", p.difference());
            p.distance().ifPresent(d -> pair.put("distance", d));
            pairs.add(pair);
        }
        json.put("pairs", pairs);
        json.put("written", result.written().stream().map(Path::toString).toList());
        json.put("emptied", emptied(result, scans));
        return json;
    }
}
