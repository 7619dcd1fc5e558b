package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/**
 * Copies of one model that draw as an ensemble; one copy draws as a soup does. They share the text
 * encoder and the autoencoder.
 */
final class LoadedMembers implements AutoCloseable {
    private static final String PROMPT = "noto red apple";

    private final StableDiffusion model;
    private final List<UNet2DConditionModel> unets = new ArrayList<>();
    private final TextToImagePipeline pipeline;
    private final OptionalLong resident;

    private LoadedMembers(Path folder, int count) {
        long before = residentNow().orElse(0);
        model = StableDiffusion.load(folder);
        unets.add(model.unet());
        for (int i = 1; i < count; i++) {
            unets.add(StableDiffusion.unet(folder.resolve("unet")));
        }
        OptionalLong after = residentNow();
        resident =
                after.isPresent()
                        ? OptionalLong.of(after.getAsLong() - before)
                        : OptionalLong.empty();
        NoisePredictor predictor =
                count == 1 ? NoisePredictor.of(model.unet()) : NoisePredictor.ensemble(unets);
        pipeline = new TextToImagePipeline(model, predictor, model.scheduler());
    }

    /**
     * @param count of UNets, at least 1
     */
    static LoadedMembers load(Path folder, int count) {
        return new LoadedMembers(folder, count);
    }

    /** Without what only waits to be collected. */
    private static OptionalLong residentNow() {
        System.gc();
        return ProcessMemory.resident();
    }

    /** Draws pictures at the model's own size, which nobody looks at. */
    void draw(CostStudy.Drawing drawing) {
        int side = pipeline.nativeSize();
        SamplingOptions options =
                new SamplingOptions(drawing.steps(), GenerateSettings.GUIDANCE, 0, "", side, side);
        long[] seeds =
                LongStream.range(0, drawing.pictures()).map(i -> drawing.seed() + i).toArray();
        try (Scope scope = Scope.open()) {
            TextToImagePipeline.toBytes(
                    pipeline.generate(
                            Collections.nCopies(drawing.pictures(), PROMPT), seeds, options));
        }
    }

    /** Bytes of all parameters in memory. */
    long weightBytes() {
        long shared = bytes(model.textEncoder().parameters()) + bytes(model.vae().parameters());
        return shared + unets.stream().mapToLong(u -> bytes(u.parameters())).sum();
    }

    /** Bytes of one member's own parameters. */
    long memberBytes() {
        return bytes(model.unet().parameters());
    }

    private static long bytes(Parameters parameters) {
        return Float.BYTES * parameters.count();
    }

    /** By how many bytes the process grew as these were loaded; empty where nothing tells. */
    OptionalLong residentBytes() {
        return resident;
    }

    @Override
    public void close() {
        model.close();
        unets.subList(1, unets.size()).forEach(u -> u.parameters().close());
    }
}
