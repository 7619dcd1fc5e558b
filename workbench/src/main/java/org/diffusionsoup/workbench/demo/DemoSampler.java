package org.diffusionsoup.workbench.demo;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureGrid;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;

/** Runs the same prompts and seeds through each model of the demo. */
final class DemoSampler {
    private static final int GRID_COLUMNS = 8;

    private final DemoPlan plan;
    private final DemoPrompts prompts;
    private final ClipJudge clip;
    private final ImageRewardJudge reward;
    private final DemoKitchen kitchen;
    private final DemoTimes times;
    private final GenerateSettings settings;

    DemoSampler(
            DemoPlan plan,
            DemoPrompts prompts,
            ClipJudge clip,
            ImageRewardJudge reward,
            DemoKitchen kitchen,
            DemoTimes times) {
        this.plan = plan;
        this.prompts = prompts;
        this.clip = clip;
        this.reward = reward;
        this.kitchen = kitchen;
        this.times = times;
        settings = DemoKitchen.settings(plan);
    }

    /** One model. */
    DemoModel one(String label, String note, Path folder) {
        try (Generator generator = Generator.open(folder, settings)) {
            return sample(label, note, List.of(folder), generator);
        }
    }

    /** The ensemble of some ingredients, which share text encoder and autoencoder. */
    DemoModel ensemble(String label, String note, List<Path> folders) {
        try (Generator generator = Generator.ensemble(folders, settings)) {
            return sample(label, note, folders, generator);
        }
    }

    private DemoModel sample(String label, String note, List<Path> folders, Generator generator) {
        List<String> each = new ArrayList<>();
        List<Long> seeds = new ArrayList<>();
        for (String prompt : prompts.texts()) {
            for (int s = 0; s < plan.seeds(); s++) {
                each.add(prompt);
                seeds.add(plan.seed() + s);
            }
        }
        List<RgbImage> pictures = timed(label, folders, generator, each, seeds);
        List<List<RgbImage>> byPrompt = new ArrayList<>();
        for (int i = 0; i < pictures.size(); i += plan.seeds()) {
            byPrompt.add(pictures.subList(i, i + plan.seeds()));
        }
        List<RgbImage> known =
                kitchen.draw(
                        folders,
                        generator,
                        prompts.known(),
                        Collections.nCopies(prompts.known().size(), plan.seed()),
                        n -> {});
        writeGrid(label, generator, pictures);
        return new DemoModel(
                label,
                note,
                folders,
                pictures,
                known,
                PictureScores.of(clip, label, prompts.texts(), byPrompt),
                PictureScores.of(reward, label, prompts.texts(), byPrompt),
                times.of(seconds(label)) / times.of(count(label)),
                folders.stream().mapToLong(DemoSampler::unetBytes).sum());
    }

    /** Draws what is missing, and keeps what that took with what earlier runs took. */
    private List<RgbImage> timed(
            String label,
            List<Path> folders,
            Generator generator,
            List<String> each,
            List<Long> seeds) {
        long[] start = {processorTime()};
        IntConsumer took =
                n -> {
                    long now = processorTime();
                    times.add(seconds(label), (now - start[0]) / 1e9);
                    times.add(count(label), n);
                    start[0] = now;
                };
        List<RgbImage> pictures = kitchen.draw(folders, generator, each, seeds, took);
        if (times.of(count(label)) == 0) { // a killed run kept pictures, but not what they took
            int some = Math.min(settings.batch(), each.size());
            start[0] = processorTime();
            generator.pictures(each.subList(0, some), seeds.subList(0, some), Progress.silent());
            took.accept(some);
        }
        return pictures;
    }

    private static String seconds(String label) {
        return "processor seconds " + label;
    }

    private static String count(String label) {
        return "pictures " + label;
    }

    /** Nanoseconds of processors that this process has used. */
    private static long processorTime() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
    }

    /** Memory of a UNet's weights as float32. */
    private static long unetBytes(Path folder) {
        Path file = folder.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return Float.BYTES
                    * f.tensors().values().stream().mapToLong(TensorInfo::elements).sum();
        }
    }

    private void writeGrid(String label, Generator generator, List<RgbImage> pictures) {
        PictureGrid grid = PictureGrid.columns(Collections.nCopies(GRID_COLUMNS, "")).title(label);
        for (int from = 0; from < pictures.size(); from += GRID_COLUMNS) {
            int to = Math.min(from + GRID_COLUMNS, pictures.size());
            grid = grid.row("", pictures.subList(from, to));
        }
        Map<String, String> text =
                new TreeMap<>(
                        generator
                                .metadata(String.join("; ", prompts.texts()), plan.seed())
                                .toText());
        PngFiles.write(picture(plan, label), grid.render(), text);
    }

    /** Where a model's pictures are written. */
    static Path picture(DemoPlan plan, String label) {
        String file = label.replaceAll("[^A-Za-z0-9]+", "-") + ".png";
        return plan.out().resolve("pictures").resolve(file);
    }
}
