package org.diffusionsoup.core.checkpoint;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Which Stable Diffusion a state dict belongs to, told by names and shapes of its tensors alone:
 * original single files ({@code model.diffusion_model.…}) and the parts of a diffusers folder.
 *
 * @param family the line of models
 * @param task what the denoiser is made for
 * @param small whether its widths are those of Diffusion Soup's own small models, which are laid
 *     out as the family is and share no weights with it
 */
public record Architecture(Family family, Task task, boolean small) {
    /** One of the usual widths. */
    public Architecture(Family family, Task task) {
        this(family, task, false);
    }

    /** A line of models that share names and shapes. */
    public enum Family {
        /** CLIP ViT-L/14 text encoder, context of 768, projections as 1x1 convolutions. */
        SD1("Stable Diffusion 1.x"),
        /** OpenCLIP ViT-H/14 text encoder, context of 1024, linear projections. */
        SD2("Stable Diffusion 2.x"),
        /** Two text encoders, context of 2048, size and crop embeddings. */
        SDXL("Stable Diffusion XL"),
        /** OpenCLIP ViT-bigG/14 alone, context of 1280; refines latents of SDXL. */
        SDXL_REFINER("Stable Diffusion XL refiner");

        private final String title;

        Family(String title) {
            this.title = title;
        }

        /** Its name as people write it. */
        public String title() {
            return title;
        }
    }

    /** What goes into the denoiser beside the text, told by the channels it has in and not out. */
    public enum Task {
        /** None: the noised latents alone, 4 channels in Stable Diffusion. */
        TEXT_TO_IMAGE,
        /** One more than the latents have again (9 of 4): mask, masked picture. */
        INPAINTING,
        /** As many again as the latents have (8 of 4): picture to change (InstructPix2Pix). */
        EDITING,
        /** One (5 of 4): depth. */
        DEPTH;

        private static Task of(long in, long out) {
            long beside = in - out;
            if (beside == out + 1) {
                return INPAINTING;
            }
            return beside == out ? EDITING : beside == 1 ? DEPTH : TEXT_TO_IMAGE;
        }
    }

    /** What the title of a small model begins with. */
    public static final String SMALL = "Diffusion Soup's small model";

    private static final String LDM = "model.diffusion_model.";
    private static final Pattern CONTEXT =
            Pattern.compile(".*transformer_blocks\\.0\\.attn2\\.to_k\\.weight");
    private static final Pattern PROJECTION =
            Pattern.compile(".*(blocks|block)\\..*\\.proj_in\\.weight");

    /** First and text width of the denoisers of {@code models/emoji-base} and its kin. */
    private static final long SMALL_WIDTH = 48;

    private static final long SMALL_TEXT = 160;

    /**
     * Such as {@code Stable Diffusion XL inpainting}; of small models {@code Diffusion Soup's small
     * model, laid out as Stable Diffusion 2.x}.
     */
    public String title() {
        return (small ? SMALL + ", laid out as " : "")
                + family.title()
                + switch (task) {
                    case TEXT_TO_IMAGE -> "";
                    case INPAINTING -> " inpainting";
                    case EDITING -> " image editing";
                    case DEPTH -> " depth";
                };
    }

    /** The same as {@link #title}. */
    @Override
    public String toString() {
        return title();
    }

    /**
     * Recognises a state dict: a single file, a denoiser, or a text encoder that only one family
     * has. Empty for VAEs and for the ViT-L/14 text encoder, which families share, and for
     * everything else.
     */
    public static Optional<Architecture> of(Map<String, TensorInfo> tensors) {
        boolean single = tensors.containsKey(LDM + "input_blocks.0.0.weight");
        if (!single && !tensors.containsKey("conv_in.weight")) {
            return ofTextEncoder(tensors);
        }
        long[] in = shape(tensors, single ? LDM + "input_blocks.0.0.weight" : "conv_in.weight");
        Optional<TensorInfo> context = first(tensors, single, CONTEXT);
        if (in.length != 4 || context.isEmpty() || context.get().shape().length != 2) {
            return Optional.empty();
        }
        long[] out = shape(tensors, single ? LDM + "out.2.weight" : "conv_out.weight");
        // What is left of a state dict without its last layer is read as Stable Diffusion's.
        Task task = Task.of(in[1], out.length == 4 ? out[0] : 4);
        boolean xl =
                tensors.containsKey(LDM + "label_emb.0.0.weight")
                        || tensors.containsKey("add_embedding.linear_1.weight");
        long width = context.get().shape()[1];
        if (xl) {
            Family family = width == 1280 ? Family.SDXL_REFINER : Family.SDXL;
            return Optional.of(new Architecture(family, task));
        }
        boolean linear =
                first(tensors, single, PROJECTION).filter(t -> t.shape().length == 2).isPresent();
        boolean second = width == 1024 || (width != 768 && linear);
        boolean small = in[0] == SMALL_WIDTH && width == SMALL_TEXT;
        return Optional.of(new Architecture(second ? Family.SD2 : Family.SD1, task, small));
    }

    /**
     * Recognises a whole checkpoint: its denoiser if it has one, else the first part that tells.
     */
    public static Optional<Architecture> of(Checkpoint checkpoint) {
        TensorSource unet = checkpoint.parts().get("unet");
        if (unet != null) {
            return of(unet.tensors());
        }
        return checkpoint.parts().values().stream()
                .map(p -> of(p.tensors()))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /**
     * What of a model a state dict is alone, by the names of its tensors: {@code UNet}, {@code text
     * encoder} or {@code autoencoder}; empty for everything else, single files of the original code
     * among it.
     */
    public static Optional<String> alone(Map<String, TensorInfo> tensors) {
        if (tensors.containsKey("conv_in.weight")
                && tensors.containsKey("time_embedding.linear_1.weight")) {
            return Optional.of("UNet");
        }
        if (tensors.containsKey("text_model.embeddings.token_embedding.weight")
                && !tensors.containsKey("vision_model.embeddings.class_embedding")) {
            return Optional.of("text encoder");
        }
        return tensors.containsKey("encoder.conv_in.weight")
                        && tensors.containsKey("decoder.conv_in.weight")
                ? Optional.of("autoencoder")
                : Optional.empty();
    }

    private static Optional<Architecture> ofTextEncoder(Map<String, TensorInfo> tensors) {
        long[] tokens = shape(tensors, "text_model.embeddings.token_embedding.weight");
        if (tokens.length == 2 && tokens[1] == 1024) {
            return Optional.of(new Architecture(Family.SD2, Task.TEXT_TO_IMAGE));
        }
        if (tokens.length == 2 && tokens[1] == 1280) {
            return Optional.of(new Architecture(Family.SDXL, Task.TEXT_TO_IMAGE));
        }
        return Optional.empty();
    }

    private static Optional<TensorInfo> first(
            Map<String, TensorInfo> tensors, boolean single, Pattern name) {
        Matcher m = name.matcher("");
        return tensors.values().stream()
                .filter(t -> !single || t.name().startsWith(LDM))
                .filter(t -> m.reset(t.name()).matches())
                .findFirst();
    }

    private static long[] shape(Map<String, TensorInfo> tensors, String name) {
        TensorInfo info = tensors.get(name);
        return info == null ? new long[0] : info.shape();
    }
}
