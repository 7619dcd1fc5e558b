package org.diffusionsoup.workbench.study;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.SubjectChoice;
import org.diffusionsoup.workbench.generate.ModelNames;

/**
 * Eq. 4 and 5 of the paper on a base and its ingredients: how far the prediction of the averaged
 * weights is from the average of the predictions, beside how far fine-tuning moved them; and how
 * that grows with the length of the way from the base.
 */
public final class LinearStudy {
    /** The numbers, in the folder of the study. */
    public static final String RESULTS = "linear.json";

    /** The charts, beside them. */
    public static final String PAGE = "linear.html";

    /** A folder that the same command made. */
    public static final OutputKind KIND = OutputKind.folderWith("a study of linearity", RESULTS);

    /** Relative gap from which on averaging weights is said not to be averaging predictions. */
    static final double THRESHOLD = 0.1;

    private static final double[] TIMES = {0.02, 0.1, 0.25, 0.5, 0.75, 0.95};

    private final Path base;
    private final List<TuningStage> stages;
    private final Shard rows;
    private final double[] scales;
    private final long seed;
    private final Progress progress;

    /**
     * @param base folder of Stable Diffusion 1.x or 2.x in diffusers layout
     * @param stages at least one, of ingredients of that base
     * @param shard to choose rows from
     * @param rows how many, about different subjects, at least 2
     * @param scales that every Δw_i is multiplied by, at least two, above 0 and ascending up to 1
     * @param seed of the choice and of the noise
     * @throws SoupException if a model is none, has another text encoder than the base or the same
     *     UNet as it or another ingredient, or there are too few rows
     */
    public LinearStudy(
            Path base,
            List<TuningStage> stages,
            Shard shard,
            int rows,
            List<Double> scales,
            long seed,
            Progress progress) {
        if (rows < 2) {
            throw new SoupException(
                    "`rows` must be at least 2 for intervals, not %d.".formatted(rows));
        }
        requireScales(scales);
        this.scales = scales.stream().mapToDouble(Double::doubleValue).toArray();
        this.base = base;
        this.stages = List.copyOf(stages);
        this.rows = SubjectChoice.choose(shard, rows, seed);
        this.seed = seed;
        this.progress = progress;
        DiffusersFolder.require(base);
        for (TuningStage stage : stages) {
            requireIngredients(stage);
        }
    }

    private static void requireScales(List<Double> scales) {
        boolean good = scales.size() > 1 && scales.getFirst() > 0 && scales.getLast() == 1;
        for (int i = 1; good && i < scales.size(); i++) {
            good = scales.get(i) > scales.get(i - 1);
        }
        if (!good) {
            throw new SoupException(
                    "`scales` takes two or more numbers above 0 in ascending order, the last 1, such as 0.25,0.5,1, not %s."
                            .formatted(scales));
        }
    }

    private void requireIngredients(TuningStage stage) {
        Map<String, Path> seen = new HashMap<>();
        seen.put(unetHash(base), base);
        for (Path model : stage.models()) {
            requireShared(base, model);
            Path same = seen.putIfAbsent(unetHash(model), model);
            if (same != null) {
                throw new SoupException(
                        "%s and %s have the same weights in their UNets; give ingredients that were fine-tuned differently."
                                .formatted(same, model));
            }
        }
    }

    private static String unetHash(Path model) {
        return WeightsHash.of(model.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS));
    }

    /** Conditioning is the base's; an ingredient with another would be compared on other inputs. */
    static void requireShared(Path base, Path model) {
        DiffusersFolder.require(model);
        String text = "text_encoder/" + StableDiffusion.TRANSFORMERS_WEIGHTS;
        if (!WeightsHash.of(base.resolve(text)).equals(WeightsHash.of(model.resolve(text)))) {
            throw new SoupException(
                    "%s and %s differ in %s; the study compares models that differ in their UNets alone."
                            .formatted(base, model, text));
        }
    }

    /** Runs the study and writes its folder. */
    public LinearResults run(Path out) {
        LinearResults results;
        try (StableDiffusion model = StableDiffusion.load(base)) {
            results = measure(model);
        }
        AtomicFiles.replaceFolder(
                out,
                KIND,
                folder -> {
                    Files.writeString(folder.resolve(RESULTS), StudyJson.of(results));
                    LinearPage.write(folder.resolve(PAGE), results);
                });
        return results;
    }

    private LinearResults measure(StableDiffusion model) {
        NoiseTable table = model.scheduler().table();
        int[] timesteps =
                Arrays.stream(TIMES).mapToInt(x -> (int) (x * table.size())).distinct().toArray();
        double[] sigmas = Arrays.stream(timesteps).mapToDouble(table::sigma).toArray();
        long[] t = Arrays.stream(timesteps).asLongStream().toArray();
        List<LinearResults.Stage> measured = new ArrayList<>();
        try (NoisedRows inputs = new NoisedRows(model, rows, t, seed, progress);
                WeightsAround weights = new WeightsAround(model.unet())) {
            float[][] ofBase = inputs.predict(model.unet());
            LinearStage each = new LinearStage(inputs, weights, ofBase, scales, progress);
            long passes =
                    stages.stream()
                            .mapToLong(s -> LinearStage.passes(s.models().size(), scales.length))
                            .sum();
            progress.start("predict", passes, "passes");
            for (TuningStage stage : stages) {
                progress.message(stage.name());
                measured.add(each.run(stage, timesteps, sigmas));
            }
        }
        return new LinearResults(
                ModelNames.of(base),
                rows.name(),
                rows.size(),
                Arrays.stream(timesteps).boxed().toList(),
                seed,
                THRESHOLD,
                measured,
                verdict(measured));
    }

    /** From where on averaging weights is not averaging predictions. */
    static String verdict(List<LinearResults.Stage> stages) {
        boolean alone = stages.size() == 1; // there is no before and after
        for (LinearResults.Stage s : stages) {
            if (s.overall().relative().estimate() > THRESHOLD) {
                String onTheWay =
                        s.crossing() == null
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        "; on the straight way from the base it passes 10 %% at |Δw| = %.2e",
                                        s.crossing());
                return String.format(
                        Locale.ROOT,
                        "%s (|Δw| = %.2e) averaging weights %s averaging predictions: the gap is %s of the effect%s.",
                        alone ? "For " + s.name() : "From " + s.name() + " on",
                        s.distance(),
                        alone ? "does not mean" : "no longer means",
                        percent(s),
                        onTheWay);
            }
        }
        LinearResults.Stage last = stages.getLast();
        return String.format(
                Locale.ROOT,
                "%s %s (|Δw| = %.2e) averaging weights means averaging predictions: the gap is %s of the effect, 10 %% at most.",
                alone ? "For" : "Up to",
                last.name(),
                last.distance(),
                percent(last));
    }

    private static String percent(LinearResults.Stage s) {
        var r = s.overall().relative();
        return String.format(
                Locale.ROOT,
                "%.1f %% [%.1f, %.1f]",
                100 * r.estimate(),
                100 * r.low(),
                100 * r.high());
    }
}
