package org.diffusionsoup.workbench.demo;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ImageRewardJudge;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.png.PictureGrid;
import org.diffusionsoup.workbench.png.PngFiles;

/** Runs the same prompts and seeds through each model of the demo. */
final class DemoSampler {
    private static final int GRID_COLUMNS = 8;

    private final DemoPlan plan;
    private final DemoPrompts prompts;
    private final ClipJudge clip;
    private final ImageRewardJudge reward;
    private final Progress progress;
    private final GenerateSettings settings;
    private final List<Long> seeds;

    DemoSampler(
            DemoPlan plan,
            DemoPrompts prompts,
            ClipJudge clip,
            ImageRewardJudge reward,
            Progress progress) {
        this.plan = plan;
        this.prompts = prompts;
        this.clip = clip;
        this.reward = reward;
        this.progress = progress;
        settings = DemoKitchen.settings(plan);
        seeds = LongStream.range(0, plan.seeds()).map(s -> plan.seed() + s).boxed().toList();
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
        long start = processorTime();
        List<List<RgbImage>> byPrompt = generator.grid(prompts.texts(), seeds, progress);
        double each = (processorTime() - start) / 1e9 / (prompts.size() * seeds.size());
        List<List<RgbImage>> known = generator.grid(prompts.known(), seeds.subList(0, 1), progress);
        List<RgbImage> pictures = byPrompt.stream().flatMap(List::stream).toList();
        writeGrid(label, generator, pictures);
        return new DemoModel(
                label,
                note,
                folders,
                pictures,
                known.stream().map(List::getFirst).toList(),
                PictureScores.of(clip, label, prompts.texts(), byPrompt),
                PictureScores.of(reward, label, prompts.texts(), byPrompt),
                each,
                folders.stream().mapToLong(DemoSampler::unetBytes).sum());
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
