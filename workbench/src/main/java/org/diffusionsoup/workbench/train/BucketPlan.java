package org.diffusionsoup.workbench.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.image.RgbImage;

/**
 * Which bucket every picture of some shards goes to.
 *
 * @param rule what decides
 * @param rows all rows, shard after shard
 */
public record BucketPlan(BucketRule rule, List<Row> rows) {
    /** Pictures that a sentence names. */
    private static final int SHOWN = 10;

    /**
     * One picture.
     *
     * @param shard that has it
     * @param index of its row there
     * @param key of its row
     * @param fit its bucket
     */
    public record Row(Shard shard, int index, String key, BucketFit fit) {
        /** The picture at its bucket's size, read from disk now. */
        RgbImage picture() {
            return fit.apply(shard.get(index).image());
        }
    }

    /**
     * A bucket that has pictures.
     *
     * @param width in pixels
     * @param height in pixels
     * @param pictures how many
     */
    public record Bucket(int width, int height, int pictures) {}

    /**
     * A picture of which more than a third is cut off.
     *
     * @param shard that has it
     * @param row its key
     * @param cut share of its area that is cut off
     */
    public record Cut(String shard, String row, double cut) {}

    /** Copies the list. */
    public BucketPlan {
        rows = List.copyOf(rows);
    }

    /**
     * Looks at the size of every picture.
     *
     * @throws org.diffusionsoup.core.SoupException naming a picture that cannot be read
     */
    public static BucketPlan of(BucketRule rule, List<Shard> shards) {
        List<Row> rows = new ArrayList<>();
        for (Shard shard : shards) {
            for (int i = 0; i < shard.size(); i++) {
                Sample sample = shard.get(i);
                rows.add(new Row(shard, i, sample.key(), rule.fit(sample.size())));
            }
        }
        return new BucketPlan(rule, rows);
    }

    /** Sizes of the buckets that have pictures, by width. */
    List<PictureSize> sizes() {
        return rows.stream()
                .map(r -> r.fit().bucket())
                .distinct()
                .sorted(
                        Comparator.comparingInt(PictureSize::width)
                                .thenComparingInt(PictureSize::height))
                .toList();
    }

    /** For every row, the index of its bucket in {@link #sizes}. */
    int[] bucketOf() {
        List<PictureSize> sizes = sizes();
        return rows.stream().mapToInt(r -> sizes.indexOf(r.fit().bucket())).toArray();
    }

    /** Rows of one bucket, in their order. */
    List<Row> of(PictureSize bucket) {
        return rows.stream().filter(r -> r.fit().bucket().equals(bucket)).toList();
    }

    /** The bucket of the largest area that is trained on. */
    PictureSize largest() {
        return sizes().stream().max(Comparator.comparingLong(PictureSize::area)).orElseThrow();
    }

    /** How many pictures the fullest bucket has: no batch has more. */
    int fullest() {
        return buckets().stream().mapToInt(Bucket::pictures).max().orElseThrow();
    }

    /** Buckets that have pictures, by width. */
    public List<Bucket> buckets() {
        return sizes().stream().map(s -> new Bucket(s.width(), s.height(), of(s).size())).toList();
    }

    /** Pictures of which more than a third is cut off, in the order of the shards. */
    public List<Cut> cut() {
        return rows.stream()
                .filter(r -> r.fit().cutsMuch())
                .map(r -> new Cut(r.shard().name(), r.key(), 1 - r.fit().kept()))
                .toList();
    }

    /** How many pictures are smaller than any bucket of their shape. */
    public long enlarged() {
        return rows.stream().filter(r -> r.fit().isEnlarged()).count();
    }

    /** In words: how many pictures each bucket has, how many are enlarged, and what is cut much. */
    public List<String> sentences() {
        List<String> all = new ArrayList<>();
        all.add(
                "Buckets of at most %d×%d pixels, and their pictures: %s."
                        .formatted(
                                rule.resolution(),
                                rule.resolution(),
                                buckets().stream()
                                        .map(b ->
                                                "%d×%d: %s"
                                                        .formatted(
                                                                b.width(),
                                                                b.height(),
                                                                Plural.grouped(b.pictures())))
                                        .collect(Collectors.joining(", "))));
        long enlarged = enlarged();
        if (enlarged > 0) {
            all.add(
                    Plural.of(enlarged, "picture is", "pictures are")
                            + " smaller than any bucket of about that shape, and enlarged.");
        }
        List<Cut> cut = cut();
        if (!cut.isEmpty()) {
            String named =
                    cut.stream()
                            .limit(SHOWN)
                            .map(c ->
                                    String.format(
                                            Locale.ROOT,
                                            "%s of %s (%.0f %%)",
                                            c.row(),
                                            c.shard(),
                                            100 * c.cut()))
                            .collect(Collectors.joining(", "));
            all.add(
                    "More than a third is cut off of %s: %s%s."
                            .formatted(
                                    Plural.of(cut.size(), "picture"),
                                    named,
                                    cut.size() > SHOWN
                                            ? " and " + (cut.size() - SHOWN) + " more"
                                            : ""));
        }
        return List.copyOf(all);
    }
}
