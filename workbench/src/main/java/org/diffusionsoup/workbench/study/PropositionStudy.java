package org.diffusionsoup.workbench.study;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.eval.mixture.Combination;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureGrid;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;

/**
 * Propositions 1 and 2 on mixtures whose scores are known: samples by the combined scores, on the
 * schedule that Stable Diffusion is trained with, against the mean that the proposition names; and
 * the same with score networks, their ensembles and their soups.
 */
public final class PropositionStudy {
    /** The numbers, in the folder of the study. */
    public static final String RESULTS = "propositions.json";

    /** The densities, beside them. */
    public static final String PICTURE = "densities.png";

    /** A folder that the same command made. */
    public static final OutputKind KIND = OutputKind.folderWith("a study of propositions", RESULTS);

    /** Training steps of a shard's network unless others are asked for. */
    public static final int TRAINING_STEPS = 1000;

    static final double HALF = 6;
    static final int BINS = 40;
    private static final int CELLS = 400; // of 0.03, as wide as the noise of t = 0 (0.029)
    private static final int PLACES = 100;
    private static final int[] TIMES = {
        0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 999
    };

    private final SampleDistances distances;
    private final int trainingSteps;
    private final long seed;
    private final Progress progress;

    /**
     * @param samples of each repeat, at least 100
     * @param repeats at least 2
     * @param trainingSteps of the network of each shard; the base takes four times as many. 0
     *     leaves networks out
     * @param seed the same gives the same numbers and pictures
     */
    public PropositionStudy(
            int samples, int repeats, int trainingSteps, long seed, Progress progress) {
        if (samples < 100 || repeats < 2) {
            throw new SoupException(
                    "`samples` must be at least 100 and `repeats` at least 2 for intervals, not %d and %d."
                            .formatted(samples, repeats));
        }
        if (trainingSteps < 0 || trainingSteps > 1_000_000) {
            throw new SoupException(
                    "`trainingSteps` must be 0, for no networks, to 1000000, not %d."
                            .formatted(trainingSteps));
        }
        this.distances = new SampleDistances(samples, repeats, seed);
        this.trainingSteps = trainingSteps;
        this.seed = seed;
        this.progress = progress;
    }

    /** Runs the study and writes its folder. */
    public PropositionResults run(Path out) {
        long start = System.nanoTime();
        List<String> columns =
                new ArrayList<>(
                        List.of(
                                "first",
                                "second",
                                "geometric mean",
                                "by the mean score",
                                "arithmetic mean",
                                "by the weighted score"));
        List<List<RgbImage>> rows = new ArrayList<>();
        List<PropositionResults.Case> cases = new ArrayList<>();
        progress.start("sample by exact scores", PropositionCase.ALL.size(), "cases");
        for (PropositionCase c : PropositionCase.ALL) {
            List<RgbImage> row = new ArrayList<>();
            for (Mixture shard : c.shards()) {
                row.add(DensityPicture.of(grid(Combination.ARITHMETIC, List.of(shard))));
            }
            PropositionResults.Row geometric = measure(Combination.GEOMETRIC, c, row);
            PropositionResults.Row arithmetic = measure(Combination.ARITHMETIC, c, row);
            cases.add(
                    new PropositionResults.Case(
                            c.name(), geometric, arithmetic, gaps(c), List.of()));
            rows.add(row);
            progress.advance(1);
        }
        List<PropositionResults.Training> training = new ArrayList<>();
        if (trainingSteps > 0) {
            PropositionNetworks.SHOWN.forEach(s -> columns.add("networks: " + s));
            training.add(networks(cases, rows));
        }
        PropositionResults results =
                new PropositionResults(
                        SoupVersion.current(),
                        distances.samples(),
                        distances.repeats(),
                        seed,
                        BINS,
                        training,
                        cases,
                        (System.nanoTime() - start) / 1e9);
        PictureGrid pictures = PictureGrid.columns(columns);
        for (int i = 0; i < rows.size(); i++) {
            pictures.row(PropositionCase.ALL.get(i).name(), rows.get(i));
        }
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

    /** Puts the networks' rows into cases and their pictures into rows. */
    private PropositionResults.Training networks(
            List<PropositionResults.Case> cases, List<List<RgbImage>> rows) {
        try (PropositionNetworks networks =
                new PropositionNetworks(distances, trainingSteps, seed, progress)) {
            for (int i = 0; i < cases.size(); i++) {
                PropositionNetworks.Measured m = networks.measure(PropositionCase.ALL.get(i), i);
                cases.set(i, cases.get(i).with(m.rows()));
                for (String shown : PropositionNetworks.SHOWN) {
                    rows.get(i).add(Objects.requireNonNull(m.pictures().get(shown)));
                }
            }
            return networks.training();
        }
    }

    private static double[] betas() {
        return NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false).betas();
    }

    static int timesteps() {
        return betas().length;
    }

    static DensityGrid grid(Combination how, List<Mixture> of) {
        return DensityGrid.of(how, of, HALF, CELLS);
    }

    static ReverseDiffusion reverse(Combination how, PropositionCase c) {
        return new ReverseDiffusion(betas(), how, c.shards());
    }

    private PropositionResults.Row measure(
            Combination how, PropositionCase c, List<RgbImage> pictures) {
        DensityGrid wanted = grid(how, c.shards());
        SampleDistances.Measured measured =
                distances.measure(wanted, BINS, reverse(how, c)::sample, true);
        pictures.add(DensityPicture.of(wanted));
        pictures.add(measured.picture(HALF));
        return measured.row();
    }

    private static List<PropositionResults.Gap> gaps(PropositionCase c) {
        DensityGrid grid = grid(Combination.GEOMETRIC, c.shards());
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
