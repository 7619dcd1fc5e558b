package org.diffusionsoup.workbench.study;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.mixture.Combination;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.eval.mixture.SlicedWasserstein;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.png.PictureGrid;
import org.diffusionsoup.workbench.png.PngFiles;

/**
 * Propositions 1 and 2 on mixtures whose scores are known: samples by the combined scores, on the
 * schedule that Stable Diffusion is trained with, against the mean that the proposition names.
 */
public final class PropositionStudy {
    /** The numbers, in the folder of the study. */
    public static final String RESULTS = "propositions.json";

    /** The densities, beside them. */
    public static final String PICTURE = "densities.png";

    /** A folder that the same command made. */
    public static final OutputKind KIND = OutputKind.folderWith("a study of propositions", RESULTS);

    private static final double HALF = 6;
    private static final int CELLS = 400; // of 0.03, as wide as the noise of t = 0 (0.029)
    private static final int BINS = 40;
    private static final int PLACES = 100;
    private static final int[] TIMES = {
        0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 999
    };

    private final int samples;
    private final int repeats;
    private final long seed;
    private final Progress progress;

    /**
     * @param samples of each repeat, at least 100
     * @param repeats at least 2
     * @param seed the same gives the same numbers and pictures
     */
    public PropositionStudy(int samples, int repeats, long seed, Progress progress) {
        if (samples < 100 || repeats < 2) {
            throw new SoupException(
                    "The study needs at least 100 samples and 2 repeats for its intervals, not %d and %d."
                            .formatted(samples, repeats));
        }
        this.samples = samples;
        this.repeats = repeats;
        this.seed = seed;
        this.progress = progress;
    }

    private record Sampled(double[][] samples, double[] distances) {}

    /** Runs the study and writes its folder. */
    public PropositionResults run(Path out) {
        long start = System.nanoTime();
        progress.start("sample", PropositionCase.ALL.size(), "cases");
        PictureGrid pictures =
                PictureGrid.columns(
                        List.of(
                                "first",
                                "second",
                                "geometric mean",
                                "by the mean score",
                                "arithmetic mean",
                                "by the weighted score"));
        List<PropositionResults.Case> cases = new ArrayList<>();
        for (PropositionCase c : PropositionCase.ALL) {
            List<RgbImage> row = new ArrayList<>();
            for (Mixture shard : c.shards()) {
                row.add(
                        DensityPicture.of(
                                DensityGrid.of(
                                        Combination.ARITHMETIC, List.of(shard), HALF, CELLS)));
            }
            PropositionResults.Row geometric = measure(Combination.GEOMETRIC, c, row);
            PropositionResults.Row arithmetic = measure(Combination.ARITHMETIC, c, row);
            cases.add(new PropositionResults.Case(c.name(), geometric, arithmetic, gaps(c)));
            pictures.row(c.name(), row);
            progress.advance(1);
        }
        PropositionResults results =
                new PropositionResults(
                        samples, repeats, seed, BINS, cases, (System.nanoTime() - start) / 1e9);
        RgbImage sheet = pictures.render();
        AtomicFiles.replaceFolder(
                out,
                KIND,
                folder -> {
                    // Without the time it took, so that the same seed gives the same bytes.
                    Files.writeString(folder.resolve(RESULTS), StudyJson.of(results, "seconds"));
                    PngFiles.write(folder.resolve(PICTURE), sheet, OwnOutputs.MARK);
                });
        return results;
    }

    static ReverseDiffusion reverse(Combination how, PropositionCase c) {
        double[] betas =
                NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false).betas();
        return new ReverseDiffusion(betas, how, c.shards());
    }

    private PropositionResults.Row measure(
            Combination how, PropositionCase c, List<RgbImage> pictures) {
        DensityGrid wanted = DensityGrid.of(how, c.shards(), HALF, CELLS);
        ReverseDiffusion reverse = reverse(how, c);
        List<Sampled> all =
                IntStream.range(0, repeats)
                        .parallel()
                        .mapToObj(r -> once(wanted, reverse, seed + r))
                        .toList();
        pictures.add(DensityPicture.of(wanted));
        pictures.add(DensityPicture.of(all.stream().map(Sampled::samples).toList(), HALF));
        Bootstrap bootstrap = Bootstrap.seeded(0);
        var intervals =
                IntStream.range(0, 4)
                        .mapToObj(k ->
                                bootstrap.mean(
                                        all.stream().mapToDouble(s -> s.distances()[k]).toArray()))
                        .toList();
        return new PropositionResults.Row(
                intervals.get(0), intervals.get(1), intervals.get(2), intervals.get(3));
    }

    private Sampled once(DensityGrid wanted, ReverseDiffusion reverse, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[][] got = reverse.sample(samples, random);
        double[][] exact = wanted.sample(samples, random);
        double[][] again = wanted.sample(samples, random);
        return new Sampled(
                got,
                new double[] {
                    SlicedWasserstein.distance(got, exact),
                    SlicedWasserstein.distance(again, exact),
                    wanted.kl(got, BINS),
                    wanted.kl(again, BINS)
                });
    }

    private static List<PropositionResults.Gap> gaps(PropositionCase c) {
        DensityGrid grid = DensityGrid.of(Combination.GEOMETRIC, c.shards(), HALF, CELLS);
        ReverseDiffusion reverse = reverse(Combination.GEOMETRIC, c);
        List<PropositionResults.Gap> gaps = new ArrayList<>();
        for (int t : TIMES) {
            double[] gap =
                    grid.scoreGap(
                            Combination.GEOMETRIC,
                            reverse.at(t),
                            reverse.gamma(t),
                            reverse.sigma(t),
                            PLACES);
            gaps.add(new PropositionResults.Gap(t, reverse.sigma(t), gap[0], gap[1]));
        }
        return gaps;
    }
}
