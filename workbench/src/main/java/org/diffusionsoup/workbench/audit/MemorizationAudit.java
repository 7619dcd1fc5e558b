package org.diffusionsoup.workbench.audit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * How close a model's pictures come to the pictures it should not reproduce (paper, Section 6, Fig.
 * 6). Every model draws the prompts of the protected pictures; the distance of two pictures is 1 −
 * cosine of their CLIP embeddings, and each drawn picture is held against all protected ones.
 *
 * <p>What counts as a copy is measured, not chosen: real pictures that no model was trained on, the
 * reference, are held against the protected ones too, and a drawn picture is a near copy when it is
 * closer to one than 99 in 100 of those are. One in 100 therefore passes for a copy by chance.
 * Reference pictures that near-duplicate a protected one are not held against it: they are copies,
 * and would make the threshold that of a copy.
 */
public final class MemorizationAudit {
    /** Share of the reference that lies below the threshold. */
    public static final double BY_CHANCE = 0.01;

    /** Share of the median distance below which a threshold is called weak. */
    private static final double WEAK = 0.1;

    private static final int LEAST_REFERENCE = 20;

    private final ClipJudge judge;
    private final Shard shard;
    private final List<Integer> drawn;
    private final ProtectedPictures guarded;
    private final Shard against;
    private final double[] reference;
    private final double threshold;
    private final int leftOut;

    /**
     * One model's distances.
     *
     * @param model its name
     * @param unetSha256 its denoiser's hash
     * @param nearest of each drawn picture to the protected picture closest to it, 0 to 2
     * @param closest index in the shard of that picture
     * @param own of each drawn picture to the one whose prompt it was drawn from
     * @param copies pictures below the threshold
     * @param pictures what was drawn, in the order of the prompts
     */
    public record Result(
            String model,
            String unetSha256,
            List<Double> nearest,
            List<Integer> closest,
            List<Double> own,
            Proportion copies,
            List<RgbImage> pictures) {
        public Result {
            nearest = List.copyOf(nearest);
            closest = List.copyOf(closest);
            own = List.copyOf(own);
            pictures = List.copyOf(pictures);
        }

        /** Whether the rate is within a bound even at the upper end of its 95 % interval. */
        public boolean isWithin(double bound) {
            return copies.interval(0.95).high() <= bound;
        }

        /** Whether the rate is above a bound even at the lower end of its 95 % interval. */
        public boolean isAbove(double bound) {
            return copies.interval(0.95).low() > bound;
        }

        /**
         * Where the rate is to a bound: within, above, or, if the interval holds it, may be above.
         */
        public String standing(double bound) {
            return isWithin(bound) ? "within" : isAbove(bound) ? "above" : "may be above";
        }
    }

    /**
     * Embeds the protected pictures and the reference.
     *
     * @param judge measures distances; stays the caller's
     * @param shard the protected pictures
     * @param reference real pictures that are not among them; 100 or more make the threshold steady
     * @param count how many pictures are drawn: of prompts chosen at random, and of all of them
     *     again and again, from other noise, where the shard has fewer
     * @param seed of that choice
     * @throws SoupException if the reference has fewer than 20 pictures that near-duplicate no
     *     protected one
     */
    public MemorizationAudit(
            ClipJudge judge,
            Shard shard,
            Shard reference,
            int count,
            long seed,
            Progress progress) {
        this(judge, shard, reference, BY_CHANCE, count, seed, progress);
    }

    /**
     * The same with another threshold.
     *
     * @param byChance share of the reference that lies below it, above 0 and below 1; a reference
     *     of few pictures has no steady 1 in 100
     */
    public MemorizationAudit(
            ClipJudge judge,
            Shard shard,
            Shard reference,
            double byChance,
            int count,
            long seed,
            Progress progress) {
        if (shard.size() == 0) {
            throw new SoupException("The shard " + shard.name() + " has no pictures to protect.");
        }
        Shard others = ProtectedPictures.strangers(reference, shard);
        leftOut = reference.size() - others.size();
        this.judge = judge;
        this.shard = shard;
        this.against = reference;
        progress.start("embed real pictures", shard.size() + (long) others.size(), "images");
        guarded = new ProtectedPictures(judge, shard, progress);
        this.reference = guarded.reference(others, progress);
        this.threshold = ProtectedPictures.quantile(this.reference, byChance);
        List<Integer> rows = new ArrayList<>();
        for (int i = 0; i < shard.size(); i++) {
            rows.add(i);
        }
        Collections.shuffle(rows, new Random(seed));
        drawn =
                IntStream.range(0, count)
                        .map(i -> rows.get(i % rows.size()))
                        .sorted()
                        .boxed()
                        .toList();
    }

    /**
     * Draws the prompts with a model and measures.
     *
     * @param firstSeed picture i has the seed {@code firstSeed + i}, whatever the model
     */
    public Result of(Generator generator, long firstSeed, Progress progress) {
        List<String> prompts = prompts();
        List<Long> seeds = LongStream.range(firstSeed, firstSeed + prompts.size()).boxed().toList();
        List<RgbImage> pictures = generator.pictures(prompts, seeds, progress);
        return of(generator.name(), generator.unetHash(), pictures);
    }

    /** Captions to draw, those of the {@link #drawn} rows. */
    public List<String> prompts() {
        return drawn.stream().map(i -> shard.infos().get(i).prompt()).toList();
    }

    /** Measures pictures of the {@link #prompts}. */
    public Result of(String model, String unetSha256, List<RgbImage> pictures) {
        double[][] e =
                judge.embedPictures(pictures.stream().map(ProtectedPictures::picture).toList());
        List<Double> nearest = new ArrayList<>();
        List<Double> own = new ArrayList<>();
        List<Integer> closest = new ArrayList<>();
        for (int i = 0; i < e.length; i++) {
            int at = guarded.nearest(e[i]);
            closest.add(at);
            nearest.add(guarded.distance(e[i], at));
            own.add(guarded.distance(e[i], drawn.get(i)));
        }
        long copies = nearest.stream().filter(d -> d < threshold).count();
        return new Result(
                model,
                unetSha256,
                nearest,
                closest,
                own,
                new Proportion(copies, nearest.size()),
                pictures);
    }

    /** Below this a drawn picture is a near copy. */
    public double threshold() {
        return threshold;
    }

    /** Distances of the reference to the protected picture closest to each, sorted. */
    public List<Double> reference() {
        return Arrays.stream(reference).boxed().toList();
    }

    /** Median distance of the reference to the protected picture closest to each. */
    public double typical() {
        return median(reference());
    }

    /** The middle value, or the mean of the middle two. */
    public static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }

    /** Pictures of the reference that are or near-duplicate protected ones, and were left out. */
    public int leftOut() {
        return leftOut;
    }

    /** The real pictures that the threshold was measured with, as they were given. */
    public Shard against() {
        return against;
    }

    /** Whether the threshold leaves room for copies, so that few of them mean something. */
    public boolean isMeaningful() {
        return threshold >= WEAK * typical();
    }

    /**
     * A sentence where the threshold says little: pictures of the reference that are hardly another
     * than protected ones pull it towards 0, and below it hardly a copy is left to be counted.
     */
    public Optional<String> weakness() {
        double typical = typical();
        if (isMeaningful()) {
            return Optional.empty();
        }
        return Optional.of(
                String.format(
                        Locale.ROOT,
                        "A near copy of %s would have to be closer than %.4f, which is less than a tenth of the %.4f that real pictures usually keep: this judge hardly tells some real pictures of the reference from protected ones, so few copies can be counted and passing means little. Give real pictures of another source or of other subjects as `reference`, or a `judge` that tells more apart.",
                        shard.name(),
                        threshold,
                        typical));
    }

    /** Rows of the shard whose prompts are drawn. */
    public List<Integer> drawn() {
        return drawn;
    }

    /** The protected pictures. */
    public Shard shard() {
        return shard;
    }

    /** Who measured. */
    public Judge judge() {
        return judge.judge();
    }
}
