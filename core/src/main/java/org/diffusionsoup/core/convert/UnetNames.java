package org.diffusionsoup.core.convert;

import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of the denoiser's tensors. The original counts input and output blocks through; diffusers
 * nests them: with L residual layers per level, a down block takes L + 1 input blocks (the last its
 * downsampler), an up block L + 1 output blocks (the last with its upsampler).
 */
public final class UnetNames {
    /** What the denoiser's names begin with in a single file. */
    public static final String PREFIX = "model.diffusion_model.";

    private static final Renames FIXED =
            Renames.of(
                    "time_embed.0", "time_embedding.linear_1",
                    "time_embed.2", "time_embedding.linear_2",
                    "label_emb.0.0", "add_embedding.linear_1",
                    "label_emb.0.2", "add_embedding.linear_2",
                    "input_blocks.0.0", "conv_in",
                    "out.0", "conv_norm_out",
                    "out.2", "conv_out");
    private static final Renames RESNET =
            Renames.of(
                    "in_layers.0", "norm1",
                    "in_layers.2", "conv1",
                    "emb_layers.1", "time_emb_proj",
                    "out_layers.0", "norm2",
                    "out_layers.3", "conv2",
                    "skip_connection", "conv_shortcut");
    private static final Pattern BLOCK =
            Pattern.compile("(input|output)_blocks\\.(\\d{1,3})\\.(\\d)\\.(.+)");
    private static final Pattern MIDDLE = Pattern.compile("middle_block\\.([012])\\.(.+)");
    private static final Pattern NESTED =
            Pattern.compile(
                    "(down|up)_blocks\\.(\\d{1,3})\\.(resnets|attentions|downsamplers|upsamplers)"
                            + "\\.(\\d{1,3})\\.(.+)");
    private static final Pattern MID =
            Pattern.compile("mid_block\\.(resnets|attentions)\\.([01])\\.(.+)");
    private static final Pattern ATTENTION =
            Pattern.compile("(norm|proj_in|proj_out|transformer_blocks\\.\\d{1,3}\\..+)\\..+");

    private UnetNames() {}

    /** Residual layers per level, from the names of a single file. */
    static int layersOfOriginal(Set<String> names) {
        int i = 1;
        while (RESNET.hasOriginal(names, PREFIX + "input_blocks." + i + ".0.")) {
            i++;
        }
        return i - 1;
    }

    /** Residual layers per level, from the names of a diffusers denoiser. */
    public static int layersOfDiffusers(Set<String> names) {
        int i = 0;
        while (RESNET.hasDiffusers(names, "down_blocks.0.resnets." + i + ".")) {
            i++;
        }
        return i;
    }

    /**
     * The diffusers name; empty for names this denoiser does not have.
     *
     * @param original with {@link #PREFIX}
     * @param layers residual layers per level, 2 in all published models
     */
    public static Optional<String> toDiffusers(String original, int layers) {
        if (!original.startsWith(PREFIX) || layers < 1) {
            return Optional.empty();
        }
        String name = original.substring(PREFIX.length());
        Optional<String> fixed = FIXED.toDiffusers(name);
        if (fixed.isPresent()) {
            return fixed;
        }
        Matcher middle = MIDDLE.matcher(name);
        if (middle.matches()) {
            return middle.group(1).equals("1")
                    ? attention("mid_block.attentions.0.", middle.group(2))
                    : RESNET.toDiffusers(middle.group(2))
                            .map(r ->
                                    "mid_block.resnets."
                                            + (middle.group(1).equals("0") ? 0 : 1)
                                            + "."
                                            + r);
        }
        Matcher m = BLOCK.matcher(name);
        if (!m.matches()) {
            return Optional.empty();
        }
        boolean in = m.group(1).equals("input");
        int index = Integer.parseInt(m.group(2)) - (in ? 1 : 0);
        int level = index / (layers + 1);
        int layer = index % (layers + 1);
        String block = (in ? "down_blocks." : "up_blocks.") + level + ".";
        String rest = m.group(4);
        if (in && layer == layers) {
            return m.group(3).equals("0") && rest.startsWith("op.")
                    ? Optional.of(block + "downsamplers.0.conv." + rest.substring(3))
                    : Optional.empty();
        }
        if (m.group(3).equals("0")) {
            return RESNET.toDiffusers(rest).map(r -> block + "resnets." + layer + "." + r);
        }
        if (!in && layer == layers && rest.startsWith("conv.")) {
            return Optional.of(block + "upsamplers.0." + rest);
        }
        return m.group(3).equals("1")
                ? attention(block + "attentions." + layer + ".", rest)
                : Optional.empty();
    }

    /**
     * The original name; empty for names this denoiser does not have.
     *
     * @param all names of the denoiser: where an upsampler stands depends on attentions beside it
     */
    static Optional<String> toOriginal(String name, int layers, Set<String> all) {
        return original(name, layers, all).map(o -> PREFIX + o);
    }

    private static Optional<String> original(String name, int layers, Set<String> all) {
        Optional<String> fixed = FIXED.toOriginal(name);
        if (fixed.isPresent()) {
            return fixed;
        }
        Matcher mid = MID.matcher(name);
        if (mid.matches()) {
            return mid.group(1).equals("attentions")
                    ? attention("middle_block.1.", mid.group(3))
                    : RESNET.toOriginal(mid.group(3))
                            .map(r ->
                                    "middle_block." + (mid.group(2).equals("0") ? 0 : 2) + "." + r);
        }
        Matcher m = NESTED.matcher(name);
        if (!m.matches()) {
            return Optional.empty();
        }
        boolean down = m.group(1).equals("down");
        int first = Integer.parseInt(m.group(2)) * (layers + 1) + (down ? 1 : 0);
        int layer = Integer.parseInt(m.group(4));
        String blocks = down ? "input_blocks." : "output_blocks.";
        String rest = m.group(5);
        return switch (m.group(3)) {
            case "resnets" ->
                    RESNET.toOriginal(rest).map(r -> blocks + (first + layer) + ".0." + r);
            case "attentions" -> attention(blocks + (first + layer) + ".1.", rest);
            case "downsamplers" ->
                    down && rest.startsWith("conv.")
                            ? Optional.of(blocks + (first + layers) + ".0.op." + rest.substring(5))
                            : Optional.empty();
            default -> {
                String beside = "up_blocks." + m.group(2) + ".attentions.0.norm.weight";
                yield down || !rest.startsWith("conv.")
                        ? Optional.empty()
                        : Optional.of(
                                blocks
                                        + (first + layers)
                                        + (all.contains(beside) ? ".2." : ".1.")
                                        + rest);
            }
        };
    }

    private static Optional<String> attention(String to, String rest) {
        return ATTENTION.matcher(rest).matches() ? Optional.of(to + rest) : Optional.empty();
    }
}
