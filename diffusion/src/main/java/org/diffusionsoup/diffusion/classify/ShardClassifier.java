package org.diffusionsoup.diffusion.classify;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.GroupNorm;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.TimestepEmbedding;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.ResnetBlock2D;

/**
 * Which shard a noised latent comes from: three ResNet blocks at falling resolution, told the
 * timestep as the UNet is, a mean over places, and a linear layer. Trained with every shard equally
 * often, its softmax is λ_i p_i(x_t) / Σ λ_j p_j(x_t) with equal λ, the coefficients of Proposition
 * 2.
 */
public final class ShardClassifier {
    private static final int GROUPS = 8;
    private static final double EPS = 1e-5;

    /**
     * @param channels of the latents
     * @param width channels of the first block, a multiple of 8; those after it have twice as many
     * @param shards names of the classes, two or more, in the order of the logits
     */
    public record Config(int channels, int width, List<String> shards) {
        /**
         * @throws UnsupportedConfigException if a number is out of range
         */
        public Config {
            shards = List.copyOf(shards);
            if (channels < 1 || channels > 1024 || width < GROUPS || width > 4096) {
                throw new UnsupportedConfigException(
                        "a classifier of shards has 1 to 1024 latent channels and a width of 8 to 4096, not %d and %d"
                                .formatted(channels, width));
            }
            if (width % GROUPS != 0 || shards.size() < 2) {
                throw new UnsupportedConfigException(
                        "a classifier of shards has a width divisible by 8 and two shards or more, not %d and %s"
                                .formatted(width, shards));
            }
        }

        /** Reads what {@link #json} wrote. */
        public static Config of(JsonConfig json) {
            return json.checked(() ->
                    new Config(
                            json.integer("latent_channels", 0),
                            json.integer("width", 0),
                            json.texts("shards", List.of())));
        }

        /** As a config.json holds it. */
        public ObjectNode json() {
            ObjectNode o = JsonConfig.object();
            o.put("_class_name", "ShardClassifier");
            o.put("latent_channels", channels);
            o.put("width", width);
            shards.forEach(o.putArray("shards")::add);
            return o;
        }
    }

    /** Name of the weights in a classifier's folder, beside its config.json. */
    public static final String WEIGHTS = "model.safetensors";

    private final Config config;
    private final Parameters parameters;
    private final Linear time1;
    private final Linear time2;
    private final Conv2d convIn;
    private final List<ResnetBlock2D> blocks = new ArrayList<>();
    private final List<Conv2d> downs = new ArrayList<>();
    private final GroupNorm normOut;
    private final Linear out;

    public ShardClassifier(Config config) {
        this.config = config;
        Names root = Names.root();
        parameters = root.parameters();
        int w = config.width();
        long temb = 4L * w;
        time1 = new Linear(root.sub("time_embedding.linear_1"), w, temb, true);
        time2 = new Linear(root.sub("time_embedding.linear_2"), temb, temb, true);
        convIn = new Conv2d(root.sub("conv_in"), config.channels(), w, 3, 1, 1);
        int in = w;
        for (int i = 0; i < 3; i++) {
            blocks.add(new ResnetBlock2D(root.sub("blocks", i), in, 2L * w, temb, GROUPS, EPS));
            in = 2 * w;
            if (i < 2) {
                downs.add(new Conv2d(root.sub("downs", i), in, in, 3, 2, 1));
            }
        }
        normOut = new GroupNorm(root.sub("norm_out"), GROUPS, in, EPS);
        out = new Linear(root.sub("out"), in, config.shards().size(), true);
        parameters.allocate();
    }

    /**
     * Refuses a folder without a classifier.
     *
     * @throws SoupException naming it
     */
    public static void require(Path folder) {
        Optional<FolderKind> kind = FolderKind.of(folder);
        boolean other = kind.filter(k -> k != FolderKind.CLASSIFIER).isPresent();
        if (other || !Files.isRegularFile(folder.resolve(WEIGHTS))) {
            throw new SoupException(
                    "%s holds no classifier of shards%s; 'soup judge classifier' trains one."
                            .formatted(folder, FolderKind.clause(folder)));
        }
    }

    /**
     * Loads a classifier; the caller closes its parameters.
     *
     * @throws SoupException if the folder holds none, or its weights do not fit
     */
    public static ShardClassifier load(Path folder) {
        require(folder);
        ShardClassifier classifier =
                new ShardClassifier(Config.of(JsonConfig.read(folder.resolve("config.json"))));
        try {
            Weights.load(classifier.parameters(), folder.resolve(WEIGHTS));
            return classifier;
        } catch (RuntimeException e) {
            classifier.parameters().close();
            throw e;
        }
    }

    public Config config() {
        return config;
    }

    public Parameters parameters() {
        return parameters;
    }

    /**
     * @param latents x_t, scaled as the UNet takes them (N, C, h, w)
     * @param timesteps (N), or (1) for all rows
     * @return logits (N, shards)
     */
    public Tensor forward(Tensor latents, Tensor timesteps) {
        long n = latents.size(0);
        Tensor t = timesteps.toFloat();
        if (t.size(0) != n) {
            t = t.expand(n);
        }
        Tensor temb =
                Functional.silu(
                        time2.forward(
                                Functional.silu(
                                        time1.forward(
                                                TimestepEmbedding.sinusoid(
                                                        t, config.width(), true, 0)))));
        Tensor x = convIn.forward(latents);
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).forward(x, temb);
            if (i < downs.size()) {
                x = downs.get(i).forward(x);
            }
        }
        return out.forward(Functional.silu(normOut.forward(x)).mean(false, 2, 3));
    }

    /** Probabilities of the shards, (N, shards). */
    public Tensor probabilities(Tensor latents, Tensor timesteps) {
        return Functional.softmax(forward(latents, timesteps), 1);
    }
}
