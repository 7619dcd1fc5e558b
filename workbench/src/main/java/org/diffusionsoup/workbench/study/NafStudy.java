package org.diffusionsoup.workbench.study;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.mixture.Combination;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.eval.mixture.Gaussian;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.PathDivergence;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;

/**
 * Proposition 3 on distributions in the plane: how far the geometric mean of two is from each, in
 * closed form, by quadrature and over trajectories of the reverse process.
 */
public final class NafStudy {
    /** The numbers, in the folder of the study. */
    public static final String RESULTS = "naf.json";

    /** The charts, beside them. */
    public static final String PAGE = "naf.html";

    /** A folder that the same command made. */
    public static final OutputKind KIND =
            OutputKind.folderWith("a study of near access freeness", RESULTS);

    static final PropositionCase NESTED =
            new PropositionCase(
                    "one inside the other",
                    List.of(
                            Mixture.of(Gaussian.round(0.3, 0, 1.0)),
                            Mixture.of(Gaussian.round(-0.2, 0.1, 0.3))));

    private static final double HALF = 7;
    private static final int CELLS = 450;

    private final int samples;
    private final long seed;
    private final Progress progress;

    /**
     * @param samples trajectories per case, at least 100
     * @param seed the same gives the same numbers
     */
    public NafStudy(int samples, long seed, Progress progress) {
        if (samples < 100) {
            throw new SoupException(
                    "`samples` must be at least 100 trajectories, not %d.".formatted(samples));
        }
        this.samples = samples;
        this.seed = seed;
        this.progress = progress;
    }

    /**
     * Runs the study and writes its folder.
     *
     * @param models a soup and a safe model to measure, too
     */
    public NafResults run(Path out, Optional<ModelNaf> models) {
        List<PropositionCase> cases =
                Stream.concat(PropositionCase.ALL.stream(), Stream.of(NESTED)).toList();
        progress.start("trajectories", cases.size(), "cases");
        List<NafResults.Case> measured = new ArrayList<>();
        for (PropositionCase c : cases) {
            measured.add(measure(c, Rng.mix(seed, measured.size())));
            progress.advance(1);
        }
        NafResults results =
                new NafResults(
                        samples,
                        PropositionStudy.reverse(Combination.GEOMETRIC, NESTED).timesteps(),
                        seed,
                        measured,
                        models.map(m -> m.measure(progress)).orElse(null));
        AtomicFiles.replaceFolder(
                out,
                KIND,
                folder -> {
                    Files.writeString(folder.resolve(RESULTS), StudyJson.of(results));
                    NafPage.write(folder.resolve(PAGE), results);
                });
        return results;
    }

    private NafResults.Case measure(PropositionCase c, long caseSeed) {
        ReverseDiffusion reverse = PropositionStudy.reverse(Combination.GEOMETRIC, c);
        double[][] paths =
                new PathDivergence(reverse).sample(samples, new SplittableRandom(caseSeed));
        DensityGrid mean = DensityGrid.of(Combination.GEOMETRIC, c.shards(), HALF, CELLS);
        List<NafResults.Safe> safe = new ArrayList<>();
        double sum = 0;
        for (int i = 0; i < c.shards().size(); i++) {
            double quadrature = mean.klTo(c.shards().get(i));
            sum += quadrature;
            safe.add(safe(c, i, quadrature, paths[i]));
        }
        return new NafResults.Case(c.name(), sum, safe);
    }

    private static NafResults.Safe safe(
            PropositionCase c, int index, double quadrature, double[] paths) {
        Gaussian mean = gaussianMean(c);
        Double closed = null;
        Boolean bounded = null;
        Double most = null;
        if (mean != null) {
            Gaussian safe = c.shards().get(index).components().getFirst();
            double divergence = mean.maxDivergence(safe);
            closed = mean.kl(safe);
            bounded = Double.isFinite(divergence);
            most = bounded ? (Double) divergence : null;
        }
        return new NafResults.Safe(
                index == 0 ? "first" : "second",
                closed,
                quadrature,
                Bootstrap.seeded(0).mean(paths),
                bounded,
                most);
    }

    /** The geometric mean as a Gaussian, where both are one. */
    private static @Nullable Gaussian gaussianMean(PropositionCase c) {
        return c.shards().stream().allMatch(m -> m.components().size() == 1)
                ? Gaussian.geometricMean(
                        c.shards().get(0).components().getFirst(),
                        c.shards().get(1).components().getFirst())
                : null;
    }
}
