package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.evaluate.ModelHash;
import org.diffusionsoup.workbench.evaluate.PictureCache;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/** Trains and soups the models of a demo, each once. */
final class DemoKitchen {
    /** What the times of trainings begin with. */
    static final String TRAINED = "train ";

    private final DemoPlan plan;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final DemoTimes times;
    private final Consumer<String> notes;
    private final KeptFiles kept;

    DemoKitchen(
            DemoPlan plan,
            Progress progress,
            BooleanSupplier stop,
            Consumer<String> notes,
            DemoTimes times) {
        this.notes = notes;
        kept = new KeptFiles(plan.out(), ModelHash::counts, notes);
        this.times = times;
        this.plan = plan;
        this.progress = progress;
        this.stop = stop;
    }

    /** Where a model is, or will be. */
    static Path model(DemoPlan plan, String name) {
        return plan.out().resolve("models").resolve(name);
    }

    Path model(String name) {
        return model(plan, name);
    }

    /**
     * Fine-tunes the base unless that was done before.
     *
     * @throws StoppableProgress.Stopped when asked to stop; the state is saved
     */
    Path train(String name, List<String> shards, long steps, int batch) {
        if (!kept.has(model(name))) {
            TrainingOptions options =
                    FineTuneRequest.embeddedDefaults(steps, plan.seed())
                            .withBatch(batch)
                            .withLearningRate(plan.rate());
            FineTuneRequest request =
                    new FineTuneRequest(
                            plan.base(),
                            shards,
                            model(name),
                            options,
                            0.1,
                            FineTuneRequest.CHECKPOINT_EVERY,
                            false);
            long start = System.nanoTime();
            try {
                if (new FineTuner(request, progress, stop).run().isEmpty()) {
                    throw new StoppableProgress.Stopped();
                }
            } finally {
                times.add(TRAINED + name, (System.nanoTime() - start) / 1e9);
            }
            kept.keep(model(name));
        }
        return model(name);
    }

    /** The uniform soup of some models; seconds it took. */
    double soup(List<Path> ingredients, String name) {
        long start = System.nanoTime();
        Souper.create()
                .replaceExisting(true)
                .make(ingredients.stream().map(SoupIngredient::of).toList(), model(name));
        return (System.nanoTime() - start) / 1e9;
    }

    /** How the demo draws. */
    static GenerateSettings settings(DemoPlan plan) {
        return new GenerateSettings(
                plan.samplingSteps(),
                plan.guidance(),
                "",
                Optional.empty(),
                Optional.empty(),
                GenerateSettings.BATCH);
    }

    /** A picture per prompt from the plan's first seed. */
    List<RgbImage> draw(Path model, List<String> prompts) {
        try (Generator generator = Generator.open(model, settings(plan))) {
            return draw(
                    List.of(model),
                    generator,
                    prompts,
                    Collections.nCopies(prompts.size(), plan.seed()),
                    n -> {});
        }
    }

    /**
     * Pictures of prompts, those that an earlier run drew as they are.
     *
     * @param folders that the generator draws with
     * @param drawn told after every batch how many pictures it had
     */
    List<RgbImage> draw(
            List<Path> folders,
            Generator generator,
            List<String> prompts,
            List<Long> seeds,
            IntConsumer drawn) {
        String hash = folders.stream().map(ModelHash::of).sorted().collect(Collectors.joining("+"));
        return new PictureCache(plan.out().resolve("drawn"), notes)
                .draw(
                        hash,
                        generator,
                        prompts,
                        seeds,
                        settings(plan),
                        drawn,
                        new StoppableProgress(progress, stop));
    }
}
