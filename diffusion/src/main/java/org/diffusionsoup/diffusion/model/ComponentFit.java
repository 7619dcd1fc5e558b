package org.diffusionsoup.diffusion.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Whether the components of a Stable Diffusion folder belong together: each may be whole, and yet
 * one of another family cannot work with the others. Told from the configurations alone, before any
 * weight is read, by what diffusers' pipelines and {@code UNet2DConditionModel} ask of each other:
 *
 * <ul>
 *   <li>a UNet's {@code cross_attention_dim} is the text encoder's {@code hidden_size}; SDXL's is
 *       the sum of both its text encoders', its refiner's that of {@code text_encoder_2} alone
 *   <li>SDXL's {@code projection_class_embeddings_input_dim} is {@code text_encoder_2}'s {@code
 *       projection_dim} and six {@code addition_time_embed_dim} (five with an aesthetic score)
 *   <li>a UNet's {@code out_channels} are the autoencoder's {@code latent_channels}, its {@code
 *       in_channels} too, or with a mask and a picture beside them
 *   <li>a tokenizer's ids and lengths have rows in its text encoder's tables ({@link TokenizerFit})
 * </ul>
 *
 * <p>Folders of other pipelines, and components of other classes, are not judged.
 */
public final class ComponentFit {
    private static final String PROJECTED = "CLIPTextModelWithProjection";

    private final Path folder;
    private final String kind;
    private final boolean aestheticScore;
    private final Part unet;
    private final Optional<Part> vae;
    private final Optional<Part> text;
    private final Optional<Part> second;
    private final List<String> misfits = new ArrayList<>();

    /** A component's name and its configuration. */
    private record Part(String name, JsonConfig config) {
        static Optional<Part> of(Path folder, String name) {
            Path file = folder.resolve(name).resolve("config.json");
            return Files.isRegularFile(file)
                    ? Optional.of(new Part(name, JsonConfig.read(file)))
                    : Optional.empty();
        }

        /** Such as {@code dir/unet/config.json: cross_attention_dim is 768}. */
        String says(String field, int value) {
            return config.source() + ": " + field + " is " + value;
        }

        boolean isOf(String className) {
            return config.text("_class_name", className).equals(className);
        }

        boolean isClipText() {
            return TokenizerFit.isClipText(config);
        }

        int hiddenSize() {
            return config.integer("hidden_size", 512);
        }
    }

    private ComponentFit(Path folder, JsonConfig index, Part unet) {
        this.folder = folder;
        this.unet = unet;
        kind = index.text("_class_name", "");
        aestheticScore = index.flag("requires_aesthetics_score", false);
        vae = Part.of(folder, "vae").filter(v -> v.isOf("AutoencoderKL"));
        text = Part.of(folder, "text_encoder").filter(Part::isClipText);
        second = Part.of(folder, "text_encoder_2").filter(Part::isClipText);
    }

    private boolean isXl() {
        return kind.startsWith("StableDiffusionXL");
    }

    /**
     * Refuses a folder whose components do not belong together; the tokenizers, which whoever loads
     * them checks with {@link TokenizerFit#require}, are not looked at.
     *
     * @throws UnsupportedConfigException naming the two configurations, both numbers, and which
     *     component to exchange
     */
    public static void require(Path folder) {
        refuse(configurations(folder));
    }

    /**
     * The same, tokenizers included.
     *
     * @throws UnsupportedConfigException as above
     */
    public static void requireAll(Path folder) {
        refuse(misfits(folder));
    }

    static void refuse(List<String> misfits) {
        if (!misfits.isEmpty()) {
            throw new UnsupportedConfigException(misfits.getFirst());
        }
    }

    /**
     * What does not belong together in a folder, one sentence each; empty where all does, or where
     * the folder is none of a Stable Diffusion pipeline.
     *
     * @param folder in diffusers layout
     * @throws SoupException if a configuration cannot be read
     */
    public static List<String> misfits(Path folder) {
        List<String> all = new ArrayList<>();
        if (of(folder).isPresent()) {
            all.addAll(TokenizerFit.misfits(folder));
        }
        all.addAll(configurations(folder));
        return all;
    }

    private static Optional<ComponentFit> of(Path folder) {
        if (!DiffusersFolder.isOne(folder)) {
            return Optional.empty();
        }
        JsonConfig index = JsonConfig.read(folder.resolve(DiffusersFolder.INDEX));
        // A pipeline of one's own is named by a list of its module and class.
        if (!index.node().path("_class_name").asText("").startsWith("StableDiffusion")) {
            return Optional.empty();
        }
        return Part.of(folder, "unet")
                .filter(u -> u.isOf("UNet2DConditionModel"))
                .map(u -> new ComponentFit(folder, index, u));
    }

    private static List<String> configurations(Path folder) {
        return of(folder)
                .map(fit -> {
                    fit.addedConditions();
                    if (fit.misfits.isEmpty()) { // widths of another family say nothing more
                        fit.textWidth();
                    }
                    fit.latents();
                    return fit.misfits;
                })
                .orElse(List.of());
    }

    private void addedConditions() {
        boolean takes = unet.config().text("addition_embed_type", "").equals("text_time");
        if (takes != isXl()) {
            misfits.add(
                    "%s: addition_embed_type is %s, and %s says %s, whose UNet %s: exchange unet for that of the model the other components are of."
                            .formatted(
                                    unet.config().source(),
                                    unet.config().node().path("addition_embed_type").isTextual()
                                            ? unet.config().text("addition_embed_type", "")
                                            : "null",
                                    folder.resolve(DiffusersFolder.INDEX),
                                    kind,
                                    isXl()
                                            ? "takes the picture's size and a pooled text embedding (text_time)"
                                            : "takes nothing beside the prompt (null)"));
        }
        if (!isXl() || second.isEmpty()) {
            return;
        }
        Part encoder = second.get();
        List<String> classes = encoder.config().texts("architectures", List.of());
        if (!classes.isEmpty() && !classes.contains(PROJECTED)) {
            misfits.add(
                    "%s: architectures is %s, and %s says %s, whose text_encoder_2 has a projection (%s): exchange text_encoder_2 for that of the model unet is of."
                            .formatted(
                                    encoder.config().source(),
                                    String.join(", ", classes),
                                    folder.resolve(DiffusersFolder.INDEX),
                                    kind,
                                    PROJECTED));
        } else if (takes) {
            projection(encoder);
        }
    }

    private void projection(Part encoder) {
        int takes = unet.config().integer("projection_class_embeddings_input_dim", 2816);
        int each = unet.config().integer("addition_time_embed_dim", 256);
        int numbers = aestheticScore ? 5 : 6;
        int gives = encoder.config().integer("projection_dim", 512);
        if (gives + numbers * each != takes) {
            List<String> remedies = new ArrayList<>();
            if (takes > numbers * each) {
                remedies.add(
                        "exchange text_encoder_2 for one of projection_dim "
                                + (takes - numbers * each));
            }
            remedies.add(
                    (remedies.isEmpty() ? "exchange " : "")
                            + "unet for one that takes "
                            + (gives + numbers * each));
            if (takes > gives && (takes - gives) % numbers == 0) {
                remedies.add("correct addition_time_embed_dim to " + (takes - gives) / numbers);
            }
            misfits.add(
                    "%s, and %s, with %d times the UNet's addition_time_embed_dim (%d) %d: %s."
                            .formatted(
                                    unet.says("projection_class_embeddings_input_dim", takes),
                                    encoder.says("projection_dim", gives),
                                    numbers,
                                    each,
                                    gives + numbers * each,
                                    String.join(", or ", remedies)));
        }
    }

    private void textWidth() {
        List<Part> encoders = new ArrayList<>();
        text.ifPresent(encoders::add);
        if (isXl()) {
            if (second.isEmpty()) {
                return; // whoever loads it says that it is not there
            }
            encoders.add(second.get());
        }
        JsonConfig c = unet.config();
        boolean several = c.node().path("cross_attention_dim").isArray();
        // encoder_hid_dim: the UNet brings embeddings of any width to its own.
        if (encoders.isEmpty() || several || c.has("encoder_hid_dim")) {
            return;
        }
        int takes = c.integer("cross_attention_dim", 1280);
        int gives = encoders.stream().mapToInt(Part::hiddenSize).sum();
        if (gives == takes) {
            return;
        }
        List<String> remedies = new ArrayList<>();
        for (Part e : encoders) {
            int fits = takes - (gives - e.hiddenSize());
            // The one whose projection the UNet takes is the UNet's own.
            if (fits > 0 && !(encoders.size() > 1 && e.name().endsWith("_2"))) {
                remedies.add(e.name() + " for one of hidden_size " + fits);
            }
        }
        remedies.add("unet for one of cross_attention_dim " + gives);
        misfits.add(
                "%s, and %s%s: exchange %s."
                        .formatted(
                                unet.says("cross_attention_dim", takes),
                                encoders.stream()
                                        .map(e -> e.says("hidden_size", e.hiddenSize()))
                                        .collect(Collectors.joining(" and ")),
                                encoders.size() > 1 ? ", together " + gives : "",
                                String.join(", or ", remedies)));
    }

    private void latents() {
        // An upscaler's UNet takes a small picture, of the picture's channels or of a latent's.
        if (vae.isEmpty() || kind.contains("Upscale")) {
            return;
        }
        int latent = vae.get().config().integer("latent_channels", 4);
        int in = unet.config().integer("in_channels", 4);
        int out = unet.config().integer("out_channels", 4);
        TreeSet<Integer> takes = new TreeSet<>(List.of(latent, 2 * latent + 1));
        if (kind.contains("InstructPix2Pix")) {
            takes = new TreeSet<>(List.of(2 * latent));
        } else if (kind.contains("Depth2Img")) {
            takes = new TreeSet<>(List.of(latent + 1));
        }
        if (out != latent) {
            channels("out_channels", out, latent, "gives " + latent);
        } else if (!takes.contains(in)) {
            String wanted = takes.stream().map(String::valueOf).collect(Collectors.joining(" or "));
            channels("in_channels", in, latent, "takes " + wanted);
        }
    }

    private void channels(String field, int has, int latent, String wanted) {
        misfits.add(
                "%s, and %s, beside which the UNet of a %s %s: exchange unet or vae for that of the same model as the other."
                        .formatted(
                                unet.says(field, has),
                                vae.orElseThrow().says("latent_channels", latent),
                                kind,
                                wanted));
    }
}
