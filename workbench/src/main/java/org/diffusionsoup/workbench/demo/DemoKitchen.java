package org.diffusionsoup.workbench.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.StoppableProgress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/** Trains and soups the models of a demo, each once. */
final class DemoKitchen {
    private final DemoPlan plan;
    private final Progress progress;
    private final BooleanSupplier stop;

    DemoKitchen(DemoPlan plan, Progress progress, BooleanSupplier stop) {
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
        if (!Files.exists(model(name))) {
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
            if (new FineTuner(request, progress, stop).run().isEmpty()) {
                throw new StoppableProgress.Stopped();
            }
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
                OptionalInt.empty(),
                GenerateSettings.BATCH);
    }

    /** A picture per prompt from the plan's first seed. */
    List<RgbImage> draw(Path model, List<String> prompts) {
        try (Generator generator = Generator.open(model, settings(plan))) {
            return generator
                    .grid(prompts, List.of(plan.seed()), new StoppableProgress(progress, stop))
                    .stream()
                    .map(List::getFirst)
                    .toList();
        }
    }
}
