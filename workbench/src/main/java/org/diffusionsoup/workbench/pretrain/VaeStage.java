package org.diffusionsoup.workbench.pretrain;

import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.jspecify.annotations.Nullable;

/** The second stage: an autoencoder trained from nothing, trained on, or taken over. */
record VaeStage(Pretraining shared) {
    static final String NAME = "vae";
    private static final int POOL = 4096;

    /**
     * Trains it, or goes on training.
     *
     * @return false when stopped before the end
     */
    boolean run() {
        TrainingOptions training =
                shared.recipe()
                        .vaeTraining()
                        .orElseThrow(() ->
                                new SoupException(
                                        "There is no autoencoder to take over: `vaeSteps`"
                                                + " 0 needs `from`, with a base that has"
                                                + " one."));
        AutoencoderKL vae = new AutoencoderKL(shared.recipe().vae());
        vae.parameters().initialise(training.seed());
        SortedMap<String, String> origins = new TreeMap<>();
        try (@Nullable KeptLatents kept = startFromBase(vae, origins)) {
            Runnable afterStep = kept == null ? () -> {} : kept::restore;
            if (!train(vae, training, origins, afterStep)) {
                return false;
            }
        }
        shared.save(
                NAME,
                StableDiffusion.DIFFUSERS_WEIGHTS,
                vae.parameters(),
                vae.config().withScalingFactor(scalingFactor(vae, training)).toJson(),
                origins);
        return true;
    }

    /** Carries a base's weights over, where there is one, and remembers what is to stay of them. */
    private @Nullable KeptLatents startFromBase(
            AutoencoderKL vae, SortedMap<String, String> origins) {
        if (shared.from().isEmpty()) {
            return null;
        }
        Path base = shared.from().get().resolve(NAME);
        AutoencoderKL before = StableDiffusion.vae(base);
        try (Parameters known = before.parameters()) {
            LatentWidening.copy(known, vae.parameters());
        }
        origins.put("vae_from_sha256", Pretraining.weightsHash(base));
        if (!shared.keepLatents()) {
            return null;
        }
        origins.put("kept_latents", "yes");
        int channels = before.config().latentChannels();
        return new KeptLatents(vae.parameters(), channels, vae.config().latentChannels());
    }

    private boolean train(
            AutoencoderKL vae,
            TrainingOptions training,
            SortedMap<String, String> origins,
            Runnable afterStep) {
        PretrainRecipe recipe = shared.recipe();
        Objective objective =
                new StreamedVaeObjective(
                        vae,
                        shared.scenes(training, POOL, 1),
                        training.batch(),
                        recipe.klWeight(),
                        recipe.edgeWeight());
        String settings = training.toString();
        return shared.train(
                NAME, vae.parameters(), objective, training, settings, origins, afterStep);
    }

    /** By which latents are multiplied to have variance 1; latents that are kept keep theirs. */
    private double scalingFactor(AutoencoderKL vae, TrainingOptions training) {
        if (shared.from().isPresent() && shared.keepLatents()) {
            return config(shared.from().get()).scalingFactor();
        }
        PictureSet pictures = StreamedScenes.pictures(shared.scenes(training, POOL, 1).pool(0));
        return 1 / latentStd(vae, pictures);
    }

    /** Standard deviation of all latent elements, over every 16th picture. */
    private static double latentStd(AutoencoderKL vae, PictureSet pictures) {
        double sum = 0;
        double squares = 0;
        long count = 0;
        try (Torch.Guard off = Torch.gradients(false)) {
            for (int i = 0; i < pictures.count(); i += 16) {
                try (Scope s = Scope.open()) {
                    for (float v : vae.encode(pictures.batch(i)).mean().toFloatArray()) {
                        sum += v;
                        squares += (double) v * v;
                        count++;
                    }
                }
            }
        }
        double mean = sum / count;
        return Math.sqrt(squares / count - mean * mean);
    }

    /**
     * Takes a base's as it is.
     *
     * @throws SoupException if its latents have not as many channels as the recipe's
     */
    void takeOver(Path base) {
        int channels = config(base).latentChannels();
        int wanted = shared.recipe().vae().latentChannels();
        if (channels != wanted) {
            throw new SoupException(
                    "The autoencoder of "
                            + base
                            + " makes latents of "
                            + channels
                            + " channels, and this recipe's denoiser works on "
                            + wanted
                            + "; leave out `vaeSteps` 0, so that the autoencoder learns to use the"
                            + " others.");
        }
        ComponentFiles.takeOver(NAME, base, shared.work());
    }

    private static VaeConfig config(Path base) {
        return VaeConfig.of(JsonConfig.read(base.resolve(NAME).resolve("config.json")));
    }
}
