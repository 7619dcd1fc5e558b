package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.data.curate.Thumbnail;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.registry.near.Likeness;
import org.diffusionsoup.workbench.evaluate.PictureScores;

/**
 * The measure of {@code soup data dedup}, for the registry: the same hash, colours and thresholds,
 * and the same embeddings where there is a judge. Reads only shards with pictures to look at.
 */
public final class PictureLikeness implements Likeness {
    private static final int BATCH = 64;

    private final NearDuplicates.Options options = NearDuplicates.Options.DEFAULT;
    private final Optional<ClipJudge> judge;

    /**
     * @param judge whose embeddings have to be near, too; empty for pixels alone
     */
    public PictureLikeness(Optional<ClipJudge> judge) {
        this.judge = judge;
    }

    @Override
    public int maxBits() {
        return options.maxBits();
    }

    @Override
    public String method() {
        return String.format(
                Locale.ROOT,
                "perceptual hash (DCT, 64 bits) at most %d bits apart, colours at 16x16 pixels at most"
                        + " %s and a quarter of their contrast apart%s",
                options.maxBits(),
                options.maxDifference(),
                judge.map(j ->
                                ", CLIP embeddings at most "
                                        + options.maxDistance()
                                        + " apart (1 - cosine)")
                        .orElse(""));
    }

    /** What is compared of a picture. */
    private record Seen(Thumbnail colours, double[] embedding) {}

    @Override
    public List<Optional<Look>> look(List<Pair> pairs) {
        Map<String, Set<String>> wanted = new HashMap<>();
        for (Pair p : pairs) {
            for (Picture picture : List.of(p.one(), p.other())) {
                wanted.computeIfAbsent(picture.source(), s -> new HashSet<>())
                        .add(picture.sha256());
            }
        }
        Map<Picture, Seen> seen = new HashMap<>();
        wanted.forEach((source, hashes) -> see(source, hashes, seen));
        List<Optional<Look>> looks = new ArrayList<>();
        for (Pair p : pairs) {
            Seen one = seen.get(p.one());
            Seen other = seen.get(p.other());
            looks.add(
                    one == null || other == null
                            ? Optional.empty()
                            : Optional.of(compared(p.bits(), one, other)));
        }
        return looks;
    }

    private Look compared(int bits, Seen one, Seen other) {
        double difference = one.colours().difference(other.colours());
        OptionalDouble distance =
                judge.isPresent()
                        ? OptionalDouble.of(
                                NearDuplicates.distance(one.embedding(), other.embedding()))
                        : OptionalDouble.empty();
        boolean alike =
                options.areNear(bits, one.colours(), other.colours())
                        && distance.orElse(0) <= options.maxDistance();
        return new Look(alike, difference, distance);
    }

    /** Looks at some pictures of a shard; at none if it is not there any more. */
    private void see(String source, Set<String> hashes, Map<Picture, Seen> seen) {
        Shard rows;
        try {
            rows = ShardRef.parse(source).open();
        } catch (SoupException e) {
            return; // gone, as what leaves may be: the caller counts it
        }
        List<Integer> found = new ArrayList<>();
        Set<String> left = new HashSet<>(hashes);
        for (int i = 0; i < rows.size(); i++) {
            if (left.remove(rows.infos().get(i).sha256())) {
                found.add(i);
            }
        }
        for (int at = 0; at < found.size(); at += BATCH) {
            List<Integer> some = found.subList(at, Math.min(found.size(), at + BATCH));
            List<RgbImage> pictures = new ArrayList<>();
            some.forEach(i -> pictures.add(rows.get(i).image()));
            double[][] embeddings =
                    judge.map(j ->
                                    j.embedPictures(
                                            pictures.stream().map(PictureScores::picture).toList()))
                            .orElse(new double[some.size()][0]);
            for (int i = 0; i < some.size(); i++) {
                seen.put(
                        new Picture(source, rows.infos().get(some.get(i)).sha256()),
                        new Seen(Thumbnail.of(pictures.get(i)), embeddings[i]));
            }
        }
    }
}
