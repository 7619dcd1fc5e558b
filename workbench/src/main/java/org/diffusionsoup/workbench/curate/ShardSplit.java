package org.diffusionsoup.workbench.curate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.ShardParts;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.data.curate.Parts;
import org.diffusionsoup.data.curate.Scores;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.workbench.Progress;

/**
 * Cuts a shard into several: by quantiles of a score as the paper's AE1 to AE5 (Section 6.1), by a
 * field of the rows, or at random. Memory: 4 to 28 bytes per row.
 *
 * @param shards the tars written, in the order of their names where a field names them
 * @param leftOut rows in no shard, because another shard holds a near-duplicate
 * @param moved rows that went to another shard than their own score or lot said, to stay with a
 *     near-duplicate
 */
public record ShardSplit(List<Part> shards, int leftOut, int moved) {
    public ShardSplit {
        shards = List.copyOf(shards);
    }

    /**
     * One shard.
     *
     * @param name file name without {@code .tar}
     * @param file the tar
     * @param rows in it
     * @param lowest score in it; empty string where rows were not scored
     * @param highest score in it
     */
    public record Part(String name, Path file, int rows, String lowest, String highest) {}

    /** Which rows go together. */
    public sealed interface By {
        /** Quantiles by falling score; parts are called prefix1, prefix2, … */
        record Score(PictureScorer scorer, int shards, String prefix) implements By {}

        /** One part per value of a field, such as {@code domain} or {@code provider}. */
        record Field(String field) implements By {}

        /** Parts of equal size by lot, called random1, random2, … */
        record Lot(int shards, long seed) implements By {}
    }

    /** Part per row and the parts' names. */
    private record Plan(int[] part, List<String> names, Scores scores) {}

    /**
     * Splits.
     *
     * @param disjoint whether near-duplicates may not stand in different shards: with scores and
     *     lots they stay together, with a field the later ones are left out
     * @param out folder to write, one tar per part
     * @param replace whether an existing folder may be replaced
     */
    public static ShardSplit run(
            ShardScan scan, By by, boolean disjoint, Path out, boolean replace, Progress progress) {
        Plan plan =
                switch (by) {
                    case By.Score s -> {
                        Scores scores = ScoreFilter.scores(scan, s.scorer(), progress);
                        yield new Plan(
                                Parts.quantiles(scores, s.shards()),
                                numbered(s.prefix(), s.shards()),
                                scores);
                    }
                    case By.Field f -> byField(scan, f.field(), progress);
                    case By.Lot l ->
                            new Plan(
                                    Parts.random(count(scan, progress), l.shards(), l.seed()),
                                    numbered("random", l.shards()),
                                    new Scores());
                };
        int[] part = plan.part().clone();
        int moved = 0;
        int leftOut = 0;
        if (disjoint) {
            int[] group =
                    new NearDuplicates(
                                    List.of(scan),
                                    NearDuplicates.Options.DEFAULT,
                                    new StageProgress(progress))
                            .find()
                            .groups()
                            .getFirst();
            int[] leading = leading(group, plan);
            for (int row = 0; row < part.length; row++) {
                int together = plan.part()[leading[group[row]]];
                if (together != part[row]) {
                    part[row] = by instanceof By.Field ? ShardParts.LEFT_OUT : together;
                    moved += by instanceof By.Field ? 0 : 1;
                    leftOut += by instanceof By.Field ? 1 : 0;
                }
            }
        }
        return write(scan, plan, part, new int[] {leftOut, moved}, out, replace, progress);
    }

    /** The row of each group that decides: the best score, otherwise the first row. */
    private static int[] leading(int[] group, Plan plan) {
        int[] leading = new int[group.length];
        Arrays.fill(leading, -1);
        for (int row = 0; row < group.length; row++) {
            int g = group[row];
            if (leading[g] < 0
                    || plan.scores().size() > 0
                            && plan.scores().get(row) > plan.scores().get(leading[g])) {
                leading[g] = row;
            }
        }
        return leading;
    }

    private static ShardSplit write(
            ShardScan scan,
            Plan plan,
            int[] part,
            int[] counts,
            Path out,
            boolean replace,
            Progress progress) {
        // A shard that lost all its rows to earlier ones is not written.
        Map<Integer, Integer> position = new TreeMap<>();
        Arrays.stream(part).filter(p -> p >= 0).forEach(p -> position.put(p, 0));
        List<String> names = new ArrayList<>();
        position.replaceAll((p, none) -> {
            names.add(plan.names().get(p));
            return names.size() - 1;
        });
        List<Integer> rows = new ArrayList<>();
        AtomicFiles.IoConsumer<Path> content =
                folder ->
                        rows.addAll(
                                ShardParts.write(
                                        scan,
                                        names.stream()
                                                .map(n -> folder.resolve(n + ".tar"))
                                                .toList(),
                                        row ->
                                                part[row] < 0
                                                        ? ShardParts.LEFT_OUT
                                                        : position.getOrDefault(part[row], -1),
                                        new StageProgress(progress)));
        AtomicFiles.writeFolder(out, OutputKind.TARS, replace, content);
        List<Part> parts = new ArrayList<>();
        position.forEach((p, at) -> {
            double low = Double.POSITIVE_INFINITY;
            double high = Double.NEGATIVE_INFINITY;
            for (int row = 0; row < plan.scores().size(); row++) {
                if (part[row] == p) {
                    low = Math.min(low, plan.scores().get(row));
                    high = Math.max(high, plan.scores().get(row));
                }
            }
            boolean scored = plan.scores().size() > 0;
            parts.add(
                    new Part(
                            names.get(at),
                            out.resolve(names.get(at) + ".tar"),
                            rows.get(at),
                            scored ? Double.toString(low) : "",
                            scored ? Double.toString(high) : ""));
        });
        return new ShardSplit(parts, counts[0], counts[1]);
    }

    private static List<String> numbered(String prefix, int shards) {
        return IntStream.rangeClosed(1, shards).mapToObj(i -> prefix + i).toList();
    }

    private static int count(ShardScan scan, Progress progress) {
        progress.start("count " + scan.name(), 0, "images");
        return scan.forEach((index, row) -> progress.advance(1));
    }

    private static Plan byField(ShardScan scan, String field, Progress progress) {
        progress.start("read " + scan.name(), 0, "images");
        Map<String, Integer> numbers = new HashMap<>();
        List<String> values = new ArrayList<>();
        Scores perRow = new Scores();
        scan.forEach((index, row) -> {
            perRow.add(
                    numbers.computeIfAbsent(
                            row.info().field(field),
                            v -> {
                                values.add(v);
                                return values.size() - 1;
                            }));
            if (values.size() > MOST_VALUES) {
                throw new SoupException(
                        "%s has more than %d values of %s; that is no way to split it."
                                .formatted(scan.ref(), MOST_VALUES, field));
            }
            progress.advance(1);
        });
        List<String> names =
                values.stream()
                        .map(v -> v.isEmpty() ? "none" : v.replaceAll("[^A-Za-z0-9._-]+", "-"))
                        .toList();
        if (names.stream().distinct().count() < names.size()) {
            throw new SoupException(
                    "values of %s make the same file names: %s.".formatted(field, values));
        }
        // By name, not in the order in which the rows happen to bring the values.
        List<String> sorted = names.stream().sorted().toList();
        int[] position = names.stream().mapToInt(sorted::indexOf).toArray();
        int[] part = new int[perRow.size()];
        for (int i = 0; i < part.length; i++) {
            part[i] = position[(int) perRow.get(i)];
        }
        return new Plan(part, sorted, new Scores());
    }

    private static final int MOST_VALUES = 200;
}
