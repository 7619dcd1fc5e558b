package org.diffusionsoup.core.convert;

import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of the autoencoder's tensors. The original numbers the decoder's levels by resolution,
 * diffusers in the order of use.
 */
final class VaeNames {
    static final String PREFIX = "first_stage_model.";
    private static final Renames ENDS =
            Renames.of(
                    "quant_conv", "quant_conv",
                    "post_quant_conv", "post_quant_conv",
                    "encoder.conv_in", "encoder.conv_in",
                    "encoder.norm_out", "encoder.conv_norm_out",
                    "encoder.conv_out", "encoder.conv_out",
                    "decoder.conv_in", "decoder.conv_in",
                    "decoder.norm_out", "decoder.conv_norm_out",
                    "decoder.conv_out", "decoder.conv_out");
    private static final Renames RESNET =
            Renames.of(
                    "norm1", "norm1",
                    "conv1", "conv1",
                    "norm2", "norm2",
                    "conv2", "conv2",
                    "nin_shortcut", "conv_shortcut");
    private static final Renames ATTENTION =
            Renames.of(
                    "norm", "group_norm",
                    "q", "to_q",
                    "k", "to_k",
                    "v", "to_v",
                    "proj_out", "to_out.0");

    private static final Pattern LEVEL =
            Pattern.compile("(encoder\\.down|decoder\\.up)\\.(\\d{1,2})\\.(.+)");
    private static final Pattern BLOCK = Pattern.compile("block\\.(\\d{1,2})\\.(.+)");
    private static final Pattern SAMPLE = Pattern.compile("(down|up)sample\\.conv\\.(.+)");
    private static final Pattern MID =
            Pattern.compile("(encoder|decoder)\\.mid\\.(block_1|block_2|attn_1)\\.(.+)");
    private static final Pattern NESTED =
            Pattern.compile(
                    "(encoder\\.down|decoder\\.up)_blocks\\.(\\d{1,2})"
                            + "\\.(resnets|downsamplers|upsamplers)\\.(\\d{1,2})\\.(.+)");
    private static final Pattern NEW_MID =
            Pattern.compile(
                    "(encoder|decoder)\\.mid_block\\.(resnets\\.0|resnets\\.1|attentions\\.0)"
                            + "\\.(.+)");

    private VaeNames() {}

    /** Levels of the decoder, from the names of a single file. */
    static int levelsOfOriginal(Set<String> names) {
        return count(n -> RESNET.hasOriginal(names, PREFIX + "decoder.up." + n + ".block.0."));
    }

    /** Levels of the decoder, from the names of a diffusers autoencoder. */
    static int levelsOfDiffusers(Set<String> names) {
        return count(n -> RESNET.hasDiffusers(names, "decoder.up_blocks." + n + ".resnets.0."));
    }

    private static int count(IntPredicate isThere) {
        int n = 0;
        while (isThere.test(n)) {
            n++;
        }
        return n;
    }

    /** Whether the original stores it as a 1x1 convolution and diffusers as a matrix. */
    static boolean isProjection(String name) {
        Matcher m = NEW_MID.matcher(name);
        return m.matches()
                && m.group(2).equals("attentions.0")
                && m.group(3).startsWith("to_")
                && m.group(3).endsWith(".weight");
    }

    /** The diffusers name; empty for names this autoencoder does not have. */
    static Optional<String> toDiffusers(String original, int levels) {
        if (!original.startsWith(PREFIX)) {
            return Optional.empty();
        }
        String name = original.substring(PREFIX.length());
        Matcher mid = MID.matcher(name);
        if (mid.matches()) {
            String to = mid.group(1) + ".mid_block.";
            return switch (mid.group(2)) {
                case "block_1" -> RESNET.toDiffusers(mid.group(3)).map(r -> to + "resnets.0." + r);
                case "block_2" -> RESNET.toDiffusers(mid.group(3)).map(r -> to + "resnets.1." + r);
                default -> ATTENTION.toDiffusers(mid.group(3)).map(a -> to + "attentions.0." + a);
            };
        }
        Matcher m = LEVEL.matcher(name);
        if (!m.matches()) {
            return ENDS.toDiffusers(name);
        }
        boolean up = m.group(1).endsWith("up");
        int level = Integer.parseInt(m.group(2));
        if (level >= levels) {
            return Optional.empty();
        }
        String to = m.group(1) + "_blocks." + (up ? levels - 1 - level : level) + ".";
        Matcher block = BLOCK.matcher(m.group(3));
        if (block.matches()) {
            return RESNET.toDiffusers(block.group(2))
                    .map(r -> to + "resnets." + block.group(1) + "." + r);
        }
        Matcher sample = SAMPLE.matcher(m.group(3));
        return sample.matches() && sample.group(1).equals(up ? "up" : "down")
                ? Optional.of(to + sample.group(1) + "samplers.0.conv." + sample.group(2))
                : Optional.empty();
    }

    /** The original name of a diffusers tensor under today's name. */
    static Optional<String> toOriginal(String name, int levels) {
        return original(name, levels).map(o -> PREFIX + o);
    }

    private static Optional<String> original(String name, int levels) {
        Matcher mid = NEW_MID.matcher(name);
        if (mid.matches()) {
            String to = mid.group(1) + ".mid.";
            return switch (mid.group(2)) {
                case "resnets.0" -> RESNET.toOriginal(mid.group(3)).map(r -> to + "block_1." + r);
                case "resnets.1" -> RESNET.toOriginal(mid.group(3)).map(r -> to + "block_2." + r);
                default -> ATTENTION.toOriginal(mid.group(3)).map(a -> to + "attn_1." + a);
            };
        }
        Matcher m = NESTED.matcher(name);
        if (!m.matches()) {
            return ENDS.toOriginal(name);
        }
        boolean up = m.group(1).endsWith("up");
        int level = Integer.parseInt(m.group(2));
        if (level >= levels) {
            return Optional.empty();
        }
        String to = m.group(1) + "." + (up ? levels - 1 - level : level) + ".";
        if (m.group(3).equals("resnets")) {
            return RESNET.toOriginal(m.group(5)).map(r -> to + "block." + m.group(4) + "." + r);
        }
        String kind = up ? "up" : "down";
        return m.group(3).equals(kind + "samplers") && m.group(5).startsWith("conv.")
                ? Optional.of(to + kind + "sample." + m.group(5))
                : Optional.empty();
    }
}
