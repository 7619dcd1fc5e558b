package org.diffusionsoup.workbench.audit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.curate.NearDoubles;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;

/**
 * Pictures that a model should not draw again, as a CLIP sees them. The distance of two pictures is
 * 1 − cosine of their embeddings, 0 to 2 (paper, Section 6, Fig. 6).
 */
public final class ProtectedPictures {
    private static final int CHUNK = 64;

    /** Fewer reference pictures have no quantiles worth the name. */
    private static final int LEAST_REFERENCE = 20;

    private final ClipJudge judge;
    private final Shard shard;
    private final double[][] embeddings;

    /**
     * Embeds a shard's pictures.
     *
     * @param judge stays the caller's, and open
     * @param progress advanced by a picture each
     */
    public ProtectedPictures(ClipJudge judge, Shard shard, Progress progress) {
        this.judge = judge;
        this.shard = shard;
        embeddings = embed(shard, progress);
    }

    /**
     * The pictures of a reference that say what is close by chance: those that are not among the
     * protected ones, and near-duplicate none of them.
     *
     * @throws SoupException if fewer than 20 are left
     */
    public static Shard strangers(Shard reference, Shard guarded) {
        requireEnough(reference, reference, "");
        Set<String> own = guarded.infos().stream().map(SampleInfo::key).collect(Collectors.toSet());
        Shard others = reference.filter(row -> !own.contains(row.key()));
        requireEnough(
                reference, others, " and otherwise consists of the protected pictures themselves");
        Shard left = NearDoubles.without(others, guarded, NearDuplicates.Options.DEFAULT);
        requireEnough(reference, left, " and otherwise near-doubles of protected ones");
        return left;
    }

    private static void requireEnough(Shard reference, Shard left, String otherwise) {
        if (left.size() < LEAST_REFERENCE) {
            throw new SoupException(
                    "The reference %s has %s%s; at least %d real ones are needed to tell a copy from a likeness."
                            .formatted(
                                    reference.name(),
                                    Plural.of(left.size(), "picture"),
                                    otherwise,
                                    LEAST_REFERENCE));
        }
    }

    /**
     * Distances of other real pictures to the protected picture closest to each: what is close by
     * chance.
     *
     * @param strangers as {@link #strangers} leaves them
     * @param progress advanced by a picture each
     * @return sorted
     */
    public double[] reference(Shard strangers, Progress progress) {
        return Arrays.stream(embed(strangers, progress))
                .mapToDouble(e -> distance(e, nearest(e)))
                .sorted()
                .toArray();
    }

    /** Distance of each picture to the protected one that is closest to it. */
    public double[] distances(List<Picture> pictures) {
        return Arrays.stream(judge.embedPictures(pictures))
                .mapToDouble(e -> distance(e, nearest(e)))
                .toArray();
    }

    /** Index in the shard of the picture closest to an embedding. */
    int nearest(double[] embedding) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < embeddings.length; i++) {
            double d = distance(embedding, i);
            if (d < least) {
                least = d;
                best = i;
            }
        }
        return best;
    }

    /** Distance of an embedding to the protected picture at an index. */
    double distance(double[] embedding, int index) {
        return distance(embedding, embeddings[index]);
    }

    private static double distance(double[] a, double[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return 1 - ab / Math.sqrt(aa * bb);
    }

    /** Largest value that at most the given share of sorted values lies below. */
    public static double quantile(double[] sorted, double share) {
        return sorted[(int) Math.floor(share * sorted.length)];
    }

    private double[][] embed(Shard rows, Progress progress) {
        List<double[]> all = new ArrayList<>();
        for (int from = 0; from < rows.size(); from += CHUNK) {
            int to = Math.min(rows.size(), from + CHUNK);
            List<Picture> some = new ArrayList<>();
            for (int i = from; i < to; i++) {
                some.add(picture(rows.get(i).image()));
            }
            all.addAll(Arrays.asList(judge.embedPictures(some)));
            progress.advance(to - from);
        }
        return all.toArray(double[][]::new);
    }

    static Picture picture(RgbImage image) {
        return Picture.rgb(image.width(), image.height(), image.pixels());
    }
}
