package org.diffusionsoup.data.curate;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.BiConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.HashIndex;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.image.RgbImage;

/**
 * Finds pictures that are stored twice, within a shard and across shards: first by perceptual hash,
 * then those pairs by their colours at 16×16 pixels and, where an embedder is given, by the
 * distance of their embeddings. A pair must pass every test. Pictures without a shape are alike
 * only where their files are equal.
 *
 * <p>The shards are read two or three times, one picture in memory at a time. Memory: about 60
 * bytes per row, and 1 KiB (with an embedder the embedding, too) per row whose hash is near
 * another's. A row is compared only with rows whose hashes share a block, see {@link HashIndex}.
 */
public final class NearDuplicates {
    /** More candidates than this mean that the shard holds thousands of nearly equal pictures. */
    private static final int MOST_CANDIDATES = 20_000_000;

    private static final int BATCH = 64;

    /** Circles and squares, or circles of two sizes, differ by half of their contrast. */
    private static final double MOST_OF_CONTRAST = 0.25;

    private final List<ShardScan> shards;
    private final Options options;
    private final ProgressListener listener;
    private final RowTable table = new RowTable();
    private final Map<Integer, Thumbnail> thumbnails = new HashMap<>();
    private final Map<Integer, String> keys = new HashMap<>();
    private int[] offsets = {0};

    /**
     * What counts as near.
     *
     * @param maxBits of the 64-bit hash that may differ, 0 to {@link HashIndex#MOST_BITS}
     * @param maxDifference of the thumbnails, see {@link Thumbnail#difference}, 0 to 1; and no more
     *     than a quarter of their {@link Thumbnail#contrast}
     * @param maxDistance 1 - cosine of the embeddings, 0 to 2; not looked at without an embedder
     */
    public record Options(int maxBits, double maxDifference, double maxDistance) {
        /** Thresholds measured on the embedded shards, see docs/curation.md. */
        public static final Options DEFAULT = new Options(10, 0.04, 0.1);

        public Options {
            if (maxBits < 0 || maxBits > HashIndex.MOST_BITS) {
                throw new SoupException(
                        "`maxBits` must be 0 to " + HashIndex.MOST_BITS + ", not " + maxBits + ".");
            }
            if (!(maxDifference >= 0 && maxDifference <= 1)) {
                throw new SoupException(
                        "`maxDifference` must be 0 to 1, not " + maxDifference + ".");
            }
            if (!(maxDistance >= 0 && maxDistance <= 2)) {
                throw new SoupException("`maxDistance` must be 0 to 2, not " + maxDistance + ".");
            }
        }

        /**
         * Whether two pictures with a shape look nearly the same: by so many bits of their hashes,
         * and by colours that differ little, also measured by what there is to see in them.
         *
         * @param bits of their hashes that differ
         */
        public boolean areNear(int bits, Thumbnail one, Thumbnail other) {
            double difference = one.difference(other);
            return bits <= maxBits
                    && difference <= maxDifference
                    && difference <= MOST_OF_CONTRAST * Math.min(one.contrast(), other.contrast());
        }
    }

    /** Turns pictures into unit vectors, as CLIP does. */
    @FunctionalInterface
    public interface Embedder {
        /** One vector per picture. */
        double[][] embed(List<RgbImage> pictures);
    }

    /**
     * Two rows that hold nearly the same picture.
     *
     * @param first shard and row that come first
     * @param second the later one
     * @param identical whether the files are equal byte for byte
     * @param bits of the hashes that differ
     * @param difference of the thumbnails
     * @param distance of the embeddings; empty without an embedder
     */
    public record Pair(
            Place first,
            Place second,
            boolean identical,
            int bits,
            double difference,
            OptionalDouble distance) {}

    /**
     * A row of one of the shards.
     *
     * @param shard its position among the shards
     * @param row its index in that shard's scan
     * @param key its key
     */
    public record Place(int shard, int row, String key) {}

    /**
     * What was found.
     *
     * @param rows per shard
     * @param pairs by second row, then by first
     * @param dropped per shard the rows that near-duplicate an earlier row that stays
     * @param groups per shard and row the number of its group of near-duplicates: equal numbers,
     *     same group
     * @param comparisons of hashes that were made; all against all would be n (n - 1) / 2
     */
    public record Found(
            List<Integer> rows,
            List<Pair> pairs,
            List<BitSet> dropped,
            List<int[]> groups,
            long comparisons) {}

    /**
     * @param shards one or more
     */
    public NearDuplicates(List<ShardScan> shards, Options options, ProgressListener listener) {
        this.shards = List.copyOf(shards);
        this.options = options;
        this.listener = listener;
    }

    /** Searches without embeddings. */
    public Found find() {
        return find(pictures -> new double[0][], false);
    }

    /** Searches with embeddings. */
    public Found find(Embedder embedder) {
        return find(embedder, true);
    }

    private Found find(Embedder embedder, boolean embed) {
        hashAll();
        LongList candidates = new LongList();
        int[] representatives = table.representatives();
        long[] hashes = new long[representatives.length];
        for (int i = 0; i < hashes.length; i++) {
            hashes[i] = table.hash(representatives[i]);
        }
        long comparisons =
                new HashIndex(hashes)
                        .pairs(
                                options.maxBits(),
                                (a, b, bits) -> {
                                    if (PerceptualHash.isPlain(hashes[a])
                                            || PerceptualHash.isPlain(hashes[b])) {
                                        return;
                                    }
                                    if (candidates.size() == MOST_CANDIDATES) {
                                        throw new SoupException(
                                                String.format(
                                                                Locale.ROOT,
                                                                "more than %,d pairs have nearly equal hashes; lower",
                                                                MOST_CANDIDATES)
                                                        + " `maxBits`.");
                                    }
                                    candidates.add(
                                            (long) representatives[b] << 32 | representatives[a]);
                                });
        candidates.sort();
        lookAt(candidates);
        List<Pair> pairs = new ArrayList<>();
        for (int i = 0; i < candidates.size(); i++) {
            addIfAlike(candidates.get(i), pairs);
        }
        List<Pair> alike = embed ? embedded(pairs, embedder) : pairs;
        for (int row = 0; row < table.size(); row++) {
            if (table.representative(row) != row) {
                alike.add(
                        new Pair(
                                place(table.representative(row)),
                                place(row),
                                true,
                                0,
                                0,
                                embed ? OptionalDouble.of(0) : OptionalDouble.empty()));
            }
        }
        alike.sort(
                Comparator.comparingInt((Pair p) -> global(p.second()))
                        .thenComparingInt(p -> global(p.first())));
        return result(alike, comparisons);
    }

    private void hashAll() {
        offsets = new int[shards.size() + 1];
        for (int s = 0; s < shards.size(); s++) {
            String stage = "hash " + shards.get(s).name();
            int rows =
                    shards.get(s)
                            .forEach((row, sample) -> {
                                table.add(
                                        PerceptualHash.of(sample.image()),
                                        Long.parseUnsignedLong(
                                                sample.info().sha256().substring(0, 16), 16));
                                listener.progress(stage, row + 1L, 0);
                            });
            offsets[s + 1] = Math.addExact(offsets[s], rows);
        }
    }

    /** Reads the candidates' pictures again, for their thumbnails and keys. */
    private void lookAt(LongList candidates) {
        BitSet look = new BitSet();
        for (int i = 0; i < candidates.size(); i++) {
            look.set((int) (candidates.get(i) >>> 32));
            look.set((int) candidates.get(i));
        }
        BitSet named = (BitSet) look.clone();
        for (int row = 0; row < table.size(); row++) {
            if (table.representative(row) != row) {
                named.set(row);
                named.set(table.representative(row));
            }
        }
        visit(
                "compare",
                named,
                (row, sample) -> {
                    keys.put(row, sample.key());
                    if (look.get(row)) {
                        thumbnails.put(row, Thumbnail.of(sample.image()));
                    }
                });
    }

    private void visit(String stage, BitSet wanted, BiConsumer<Integer, Sample> visitor) {
        if (wanted.isEmpty()) {
            return;
        }
        for (int s = 0; s < shards.size(); s++) {
            int offset = offsets[s];
            String of = stage + " " + shards.get(s).name();
            shards.get(s)
                    .forEach((row, sample) -> {
                        if (wanted.get(offset + row)) {
                            visitor.accept(offset + row, sample);
                        }
                        listener.progress(of, row + 1L, offsets[shards.size()]);
                    });
        }
    }

    private void addIfAlike(long candidate, List<Pair> pairs) {
        int second = (int) (candidate >>> 32);
        int first = (int) candidate;
        Thumbnail one = requireNonNull(thumbnails.get(first));
        Thumbnail other = requireNonNull(thumbnails.get(second));
        int bits = PerceptualHash.distance(table.hash(first), table.hash(second));
        if (options.areNear(bits, one, other)) {
            pairs.add(
                    new Pair(
                            place(first),
                            place(second),
                            false,
                            bits,
                            one.difference(other),
                            OptionalDouble.empty()));
        }
    }

    /** The pairs whose embeddings are near, too. */
    private List<Pair> embedded(List<Pair> pairs, Embedder embedder) {
        BitSet wanted = new BitSet();
        pairs.forEach(p -> {
            wanted.set(global(p.first()));
            wanted.set(global(p.second()));
        });
        Map<Integer, double[]> vectors = new HashMap<>();
        List<Integer> rows = new ArrayList<>();
        List<RgbImage> pictures = new ArrayList<>();
        Runnable flush =
                () -> {
                    double[][] batch = embedder.embed(pictures);
                    for (int i = 0; i < batch.length; i++) {
                        vectors.put(rows.get(i), batch[i]);
                    }
                    rows.clear();
                    pictures.clear();
                };
        visit(
                "embed",
                wanted,
                (row, sample) -> {
                    rows.add(row);
                    pictures.add(sample.image());
                    if (rows.size() == BATCH) {
                        flush.run();
                    }
                });
        if (!rows.isEmpty()) {
            flush.run();
        }
        List<Pair> near = new ArrayList<>();
        for (Pair p : pairs) {
            double distance =
                    distance(
                            requireNonNull(vectors.get(global(p.first()))),
                            requireNonNull(vectors.get(global(p.second()))));
            if (distance <= options.maxDistance()) {
                near.add(
                        new Pair(
                                p.first(),
                                p.second(),
                                false,
                                p.bits(),
                                p.difference(),
                                OptionalDouble.of(distance)));
            }
        }
        return near;
    }

    /** 1 - cosine of two unit vectors, 0 to 2. */
    public static double distance(double[] a, double[] b) {
        double cosine = 0;
        for (int i = 0; i < a.length; i++) {
            cosine += a[i] * b[i];
        }
        return Math.max(0, 1 - cosine);
    }

    private Found result(List<Pair> pairs, long comparisons) {
        int n = table.size();
        BitSet dropped = new BitSet(n);
        int[] group = new int[n];
        for (int i = 0; i < n; i++) {
            group[i] = i;
        }
        // In order of the second row: whether an earlier row stays is decided by then.
        for (Pair p : pairs) {
            int first = global(p.first());
            int second = global(p.second());
            if (p.identical() || !dropped.get(first)) {
                dropped.set(second);
            }
            int a = root(group, first);
            int b = root(group, second);
            group[Math.max(a, b)] = Math.min(a, b);
        }
        List<Integer> rows = new ArrayList<>();
        List<BitSet> out = new ArrayList<>();
        List<int[]> groups = new ArrayList<>();
        for (int s = 0; s < shards.size(); s++) {
            rows.add(offsets[s + 1] - offsets[s]);
            out.add(dropped.get(offsets[s], offsets[s + 1]));
            int[] of = new int[offsets[s + 1] - offsets[s]];
            for (int i = 0; i < of.length; i++) {
                of[i] = root(group, offsets[s] + i);
            }
            groups.add(of);
        }
        return new Found(rows, pairs, out, groups, comparisons);
    }

    private static int root(int[] group, int row) {
        int at = row;
        while (group[at] != at) {
            group[at] = group[group[at]];
            at = group[at];
        }
        return at;
    }

    private Place place(int row) {
        int shard = 0;
        while (row >= offsets[shard + 1]) {
            shard++;
        }
        return new Place(shard, row - offsets[shard], keys.getOrDefault(row, ""));
    }

    private int global(Place place) {
        return offsets[place.shard()] + place.row();
    }
}
