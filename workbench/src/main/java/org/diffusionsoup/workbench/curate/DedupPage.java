package org.diffusionsoup.workbench.curate;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.Section;

/** The pairs side by side, for a person to judge the thresholds by. */
public final class DedupPage {
    private static final int MOST_PAIRS = 300;

    /** Of a picture on the page, in CSS pixels, and of the one that is kept in it. */
    private static final int SHOWN = 256;

    private static final int SIDE = 128;

    private DedupPage() {}

    /**
     * Writes the page: the pairs that are least alike first, because they decide.
     *
     * @param byEmbedding whether a CLIP compared embeddings too
     */
    public static void write(
            Path file,
            List<ShardScan> shards,
            NearDuplicates.Options options,
            boolean byEmbedding,
            NearDuplicates.Found found) {
        List<NearDuplicates.Pair> shown =
                found.pairs().stream()
                        .sorted(
                                Comparator.comparingDouble(
                                                (NearDuplicates.Pair p) -> -p.difference())
                                        .thenComparing(p -> p.second().key()))
                        .limit(MOST_PAIRS)
                        .toList();
        int rows = found.rows().stream().mapToInt(Integer::intValue).sum();
        HtmlReport report =
                HtmlReport.titled("Near-duplicates")
                        .subtitle(String.join(", ", shards.stream().map(ShardScan::name).toList()))
                        .fact("Pictures", Plural.grouped(rows), Plural.of(shards.size(), "shard"))
                        .fact("Pairs", Plural.grouped(found.pairs().size()), "near-duplicates")
                        .fact(
                                "Thresholds",
                                options.maxBits() + " bits",
                                "colours "
                                        + options.maxDifference()
                                        + (byEmbedding
                                                ? ", embeddings " + options.maxDistance()
                                                : "; embeddings were not compared"))
                        .footer("Diffusion Soup " + SoupVersion.current());
        Section section = report.section("Pairs, least alike first");
        if (shown.isEmpty()) {
            section.prose("There are none.");
        } else {
            if (shown.size() < found.pairs().size()) {
                section.prose(
                        "The %d least alike of %s."
                                .formatted(shown.size(), Plural.of(found.pairs().size(), "pair")));
            }
            Map<NearDuplicates.Place, byte[]> pictures = pictures(shards, shown);
            ImageGrid.Builder grid =
                    ImageGrid.titled("The earlier row stays.", List.of("stays", "near-duplicate"))
                            .pixels(SHOWN);
            for (NearDuplicates.Pair p : shown) {
                grid.row(
                        p.first().key() + " · " + p.second().key(),
                        note(shards, p),
                        List.of(
                                pictures.getOrDefault(p.first(), new byte[0]),
                                pictures.getOrDefault(p.second(), new byte[0])));
            }
            section.add(grid.build());
        }
        report.write(file);
    }

    private static String note(List<ShardScan> shards, NearDuplicates.Pair p) {
        String where =
                p.first().shard() == p.second().shard()
                        ? shards.get(p.first().shard()).name()
                        : shards.get(p.first().shard()).name()
                                + " and "
                                + shards.get(p.second().shard()).name();
        if (p.identical()) {
            return where + ": the same file";
        }
        String text =
                String.format(
                        Locale.ROOT,
                        "%s: %s, colours %.3f",
                        where,
                        Plural.of(p.bits(), "bit"),
                        p.difference());
        return p.distance().isPresent()
                ? text + String.format(Locale.ROOT, ", CLIP %.3f", p.distance().getAsDouble())
                : text;
    }

    /** The pictures of the pairs shown, no larger than the page shows them. */
    private static Map<NearDuplicates.Place, byte[]> pictures(
            List<ShardScan> shards, List<NearDuplicates.Pair> pairs) {
        Map<NearDuplicates.Place, byte[]> pngs = new HashMap<>();
        for (NearDuplicates.Pair p : pairs) {
            pngs.put(p.first(), new byte[0]);
            pngs.put(p.second(), new byte[0]);
        }
        for (int s = 0; s < shards.size(); s++) {
            int shard = s;
            shards.get(s)
                    .forEach((row, sample) -> {
                        var place = new NearDuplicates.Place(shard, row, sample.key());
                        if (pngs.containsKey(place)) {
                            RgbImage square = sample.image().paddedToSquare();
                            int side = Math.min(SIDE, square.width());
                            pngs.put(place, PngCodec.encode(square.resized(side, side)));
                        }
                    });
        }
        return pngs;
    }
}
