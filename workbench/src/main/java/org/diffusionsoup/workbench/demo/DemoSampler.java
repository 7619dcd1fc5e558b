package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.WeightsHash;
import org.diffusionsoup.data.RgbImage;
import org.diffusionsoup.diffusion.image.Picture;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.png.PictureGrid;
import org.diffusionsoup.workbench.png.PngFiles;

/** Runs the same prompts and seeds through each model of the demo. */
final class DemoSampler {
    private static final int BATCH = 16;

    private final DemoPlan plan;
    private final DemoPrompts prompts;
    private final ClipJudge judge;
    private final Progress progress;

    DemoSampler(DemoPlan plan, DemoPrompts prompts, ClipJudge judge, Progress progress) {
        this.plan = plan;
        this.prompts = prompts;
        this.judge = judge;
        this.progress = progress;
    }

    /** One model. */
    DemoModel one(String label, String note, Path folder) {
        try (StableDiffusion model = StableDiffusion.load(folder)) {
            return sample(
                    label,
                    note,
                    List.of(folder),
                    model,
                    NoisePredictor.of(model.unet()),
                    4 * model.unet().parameters().count());
        }
    }

    /** The ensemble of some ingredients, which share text encoder and autoencoder. */
    DemoModel ensemble(String label, String note, List<Path> folders) {
        List<UNet2DConditionModel> members = new ArrayList<>();
        try (StableDiffusion model = StableDiffusion.load(folders.getFirst())) {
            members.add(model.unet());
            for (Path f : folders.subList(1, folders.size())) {
                members.add(StableDiffusion.unet(f.resolve("unet")));
            }
            long bytes = members.stream().mapToLong(u -> 4 * u.parameters().count()).sum();
            return sample(label, note, folders, model, NoisePredictor.ensemble(members), bytes);
        } finally {
            members.stream().skip(1).forEach(u -> u.parameters().close());
        }
    }

    private DemoModel sample(
            String label,
            String note,
            List<Path> folders,
            StableDiffusion model,
            NoisePredictor predictor,
            long bytes) {
        int side = model.unet().config().sampleSize() * model.vae().config().downFactor();
        SamplingOptions options =
                new SamplingOptions(plan.samplingSteps(), plan.guidance(), 0, "", side, side);
        TextToImagePipeline pipeline = new TextToImagePipeline(model, predictor, model.scheduler());
        List<String> texts = new ArrayList<>();
        List<Long> seeds = new ArrayList<>();
        for (String p : prompts.texts()) {
            for (int s = 0; s < plan.seeds(); s++) {
                texts.add(p);
                seeds.add(plan.seed() + s);
            }
        }
        progress.start("draw " + label, texts.size(), "images");
        List<RgbImage> pictures = new ArrayList<>();
        long start = System.nanoTime();
        for (int from = 0; from < texts.size(); from += BATCH) {
            int to = Math.min(from + BATCH, texts.size());
            long[] batchSeeds =
                    seeds.subList(from, to).stream().mapToLong(Long::longValue).toArray();
            try (Scope scope = Scope.open();
                    Torch.Guard half = Torch.bfloat16Compute(true)) {
                byte[][] rgb =
                        TextToImagePipeline.toBytes(
                                pipeline.generate(texts.subList(from, to), batchSeeds, options));
                for (byte[] one : rgb) {
                    pictures.add(new RgbImage(side, side, one));
                }
            }
            progress.advance(to - from);
        }
        double each = (System.nanoTime() - start) / 1e9 / texts.size();
        writeGrid(label, folders, pictures);
        return new DemoModel(label, note, folders, pictures, score(label, pictures), each, bytes);
    }

    private ScoreSet score(String label, List<RgbImage> pictures) {
        List<List<Picture>> byPrompt = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            List<Picture> own = new ArrayList<>();
            for (RgbImage i : pictures.subList(p * plan.seeds(), (p + 1) * plan.seeds())) {
                own.add(Picture.rgb(i.width(), i.height(), i.pixels()));
            }
            byPrompt.add(own);
        }
        return judge.score(label, prompts.texts(), byPrompt);
    }

    private void writeGrid(String label, List<Path> folders, List<RgbImage> pictures) {
        int columns = 8;
        PictureGrid grid =
                PictureGrid.columns(java.util.Collections.nCopies(columns, "")).title(label);
        for (int from = 0; from + columns <= pictures.size(); from += columns) {
            grid = grid.row("", pictures.subList(from, from + columns));
        }
        Map<String, String> text = new TreeMap<>();
        text.put("prompts", String.join("; ", prompts.texts()));
        text.put("seed", Long.toString(plan.seed()));
        text.put("guidance_scale", Double.toString(plan.guidance()));
        text.put("steps", Integer.toString(plan.samplingSteps()));
        for (Path f : folders) {
            text.merge(
                    "unet_sha256",
                    WeightsHash.of(f.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS)),
                    (a, b) -> a + " " + b);
        }
        String file = label.replaceAll("[^A-Za-z0-9]+", "-") + ".png";
        PngFiles.write(plan.out().resolve("pictures").resolve(file), grid.render(), text);
    }
}
