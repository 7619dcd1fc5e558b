package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.audit.ProtectedPictures;

/**
 * How far pictures stay from originals that should not be drawn again (paper, Section 6, Fig. 6): 1
 * − cosine of CLIP embeddings to the closest original. With a reference, whether a picture is a
 * near copy instead, 1 or 0: closer to an original than all but a share of real pictures that no
 * model has seen.
 *
 * @param clip folder of the CLIP
 * @param originals shard of the originals
 * @param reference shard of real pictures of the same kind
 * @param byChance share of the reference that counts as near copies, above 0 and below 1
 */
public record LikenessJudge(
        Path clip, String originals, Optional<String> reference, double byChance)
        implements RecipeJudge {

    @Override
    public void requireFiles(String name, Set<String> later) {
        if (!Files.exists(clip)) {
            throw new SoupException(
                    "Judge '%s' needs the CLIP folder at %s, which does not exist; put it there or name another."
                            .formatted(name, clip));
        }
        Stream.concat(Stream.of(originals), reference.stream())
                .filter(shard -> !later.contains(shard))
                .forEach(shard -> ShardRef.parse(shard).open());
    }

    @Override
    public LikenessJudge withShards(UnaryOperator<String> path) {
        return new LikenessJudge(clip, path.apply(originals), reference.map(path), byChance);
    }

    @Override
    public PictureScorer open() {
        Shard guarded = ShardRef.parse(originals).open();
        ClipJudge judge = ClipJudge.load(clip, ClipConvention.RAW_COSINE);
        try {
            ProtectedPictures pictures = new ProtectedPictures(judge, guarded, Progress.silent());
            if (reference.isEmpty()) {
                return new Scorer(
                        judge,
                        judge.judge(),
                        "distance to the closest of %d originals".formatted(guarded.size()),
                        guarded.sha256(),
                        pictures,
                        Double.NaN);
            }
            Shard others =
                    ProtectedPictures.strangers(ShardRef.parse(reference.get()).open(), guarded);
            double threshold =
                    ProtectedPictures.quantile(
                            pictures.reference(others, Progress.silent()), byChance);
            return new Scorer(
                    judge,
                    judge.judge(),
                    String.format(
                            Locale.ROOT,
                            "closer than %.4f to one of %d originals",
                            threshold,
                            guarded.size()),
                    guarded.sha256() + others.sha256(),
                    pictures,
                    threshold);
        } catch (RuntimeException e) {
            judge.close();
            throw e;
        }
    }

    private static final class Scorer implements PictureScorer {
        private final ClipJudge clip;
        private final Judge judge;
        private final ProtectedPictures pictures;
        private final double threshold;

        private Scorer(
                ClipJudge clip,
                Judge of,
                String convention,
                String shards,
                ProtectedPictures pictures,
                double threshold) {
            this.clip = clip;
            this.pictures = pictures;
            this.threshold = threshold;
            judge =
                    new Judge(
                            of.name(),
                            Hashes.sha256Hex(
                                    (of.weightsSha256() + shards).getBytes(StandardCharsets.UTF_8)),
                            convention);
        }

        @Override
        public Judge judge() {
            return judge;
        }

        @Override
        public double[] score(List<Picture> drawn, List<String> captions) {
            PictureScorer.requirePaired(drawn, captions);
            double[] distances = pictures.distances(drawn);
            return Double.isNaN(threshold)
                    ? distances
                    : Arrays.stream(distances).map(d -> d < threshold ? 1 : 0).toArray();
        }

        @Override
        public void close() {
            clip.close();
        }
    }
}
