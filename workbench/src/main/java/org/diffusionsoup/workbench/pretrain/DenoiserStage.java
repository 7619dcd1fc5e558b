package org.diffusionsoup.workbench.pretrain;

import java.nio.file.Path;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;

/** The third stage: the denoiser and its text encoder, trained together on the autoencoder. */
record DenoiserStage(Pretraining shared) {
    static final String NAME = "unet";
    static final String TEXT_ENCODER = "text_encoder";
    private static final int POOL = 8192;
    private static final int EPOCHS = 3;

    /**
     * Trains them, or goes on training. A stopped run leaves what it has learnt so far, so that its
     * pictures can be looked at.
     *
     * @return false when stopped before the end
     */
    boolean run() {
        PretrainRecipe recipe = shared.recipe();
        TrainingOptions training = recipe.unetTraining();
        AutoencoderKL vae = StableDiffusion.vae(shared.work().resolve(VaeStage.NAME));
        ClipTokenizer tokenizer = ClipTokenizer.load(shared.work().resolve(TokenizerStage.NAME));
        UNet2DConditionModel unet = new UNet2DConditionModel(recipe.unet());
        unet.parameters().initialise(training.seed());
        SortedMap<String, String> origins = new TreeMap<>();
        shared.from().ifPresent(base -> startFrom(base, unet, origins));
        ClipTextModel text = shared.from().map(this::known).orElseGet(() -> fresh(tokenizer));
        SchedulerConfig scheduler =
                SchedulerConfig.of(new JsonConfig("the recipe's scheduler", recipe.scheduler()));
        try (StreamedDenoisingObjective objective =
                new StreamedDenoisingObjective(
                        unet,
                        vae,
                        text,
                        tokenizer,
                        scheduler,
                        shared.scenes(training, POOL, EPOCHS),
                        training.batch(),
                        recipe.captionDropout(),
                        recipe.noiseDraws())) {
            boolean finished =
                    shared.train(
                            NAME,
                            Parameters.joined(unet.parameters(), text.parameters()),
                            objective,
                            training,
                            training + " draws=" + recipe.noiseDraws(),
                            origins,
                            () -> {});
            shared.save(
                    NAME,
                    StableDiffusion.DIFFUSERS_WEIGHTS,
                    unet.parameters(),
                    unet.config().toJson(),
                    origins);
            shared.save(
                    TEXT_ENCODER,
                    "model.safetensors",
                    text.parameters(),
                    text.config().toJson(),
                    origins);
            return finished;
        }
    }

    private static void startFrom(
            Path base, UNet2DConditionModel unet, SortedMap<String, String> origins) {
        try (Parameters known = StableDiffusion.unet(base.resolve(NAME)).parameters()) {
            LatentWidening.copy(known, unet.parameters());
        }
        origins.put("unet_from_sha256", Pretraining.weightsHash(base.resolve(NAME)));
    }

    private ClipTextModel fresh(ClipTokenizer tokenizer) {
        ClipTextModel text =
                new ClipTextModel(
                        shared.recipe().text().withVocabSize(tokenizer.vocabSize()), false);
        text.parameters().initialise(textSeed());
        return text;
    }

    /** A base's text encoder, able to read as many tokens as the recipe has. */
    private ClipTextModel known(Path base) {
        ClipTextModel own = StableDiffusion.textEncoder(base.resolve(TEXT_ENCODER));
        int tokens = shared.recipe().maxTokens();
        if (own.config().maxPositions() >= tokens) {
            return own;
        }
        ClipTextModel longer = new ClipTextModel(own.config().withMaxPositions(tokens), false);
        longer.parameters().initialise(textSeed());
        try (Torch.Guard off = Torch.gradients(false);
                Parameters before = own.parameters()) {
            for (Parameter p : longer.parameters().all()) {
                try (Scope s = Scope.open()) {
                    Tensor old = Objects.requireNonNull(before.find(p.name())).value();
                    p.value().narrow(0, 0, old.size(0)).copy_(old);
                }
            }
        }
        return longer;
    }

    private long textSeed() {
        return shared.recipe().unetTraining().seed() + 1;
    }
}
