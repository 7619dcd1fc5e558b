package org.diffusionsoup.core.lora;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.core.convert.UnetNames;

/**
 * All module names of the denoiser and the text encoders of Stable Diffusion 1.x, 2.x and XL, with
 * numbers left open, and names joined by underscores looked up in them: the originals contain
 * underscores themselves, so a joined name is not split by guess.
 */
final class ModuleNames {
    private static final Pattern NUMBER = Pattern.compile("\\d{1,3}");
    private static final List<String> RESNET =
            List.of("norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut");
    private static final List<String> ORIGINAL_RESNET =
            List.of("in_layers.#", "emb_layers.1", "out_layers.#", "skip_connection");
    private static final List<String> TRANSFORMER = transformer();

    /** The denoiser's, in diffusers' names; {@code #} is a number. */
    private static final Map<String, String> UNET = table(unet());

    /** The denoiser's, as the original code and SGM name them. */
    private static final Map<String, String> ORIGINAL = table(original());

    private static final Map<String, String> TEXT = table(text());

    private ModuleNames() {}

    /**
     * A denoiser's module.
     *
     * @param joined such as {@code mid_block_attentions_0_proj_in}
     * @return with dots; empty where there is none of the name
     */
    static Optional<String> unet(String joined) {
        return find(UNET, joined);
    }

    /** A text encoder's module, as {@link #unet(String)}. */
    static Optional<String> text(String joined) {
        return find(TEXT, joined);
    }

    /** Whether a denoiser's module is named as the original code and SGM do. */
    static boolean isOriginal(String joined) {
        return find(ORIGINAL, joined).isPresent();
    }

    /**
     * A denoiser's module that is named as the original code and SGM do.
     *
     * @param joined such as {@code input_blocks_4_1_proj_in}
     * @param layers residual layers per level
     * @return diffusers' name; empty where there is none of the name
     */
    static Optional<String> original(String joined, int layers) {
        return find(ORIGINAL, joined)
                .flatMap(n -> UnetNames.toDiffusers(UnetNames.PREFIX + n + ".weight", layers))
                .map(n -> n.substring(0, n.lastIndexOf('.')));
    }

    private static Optional<String> find(Map<String, String> table, String joined) {
        List<String> numbers = new ArrayList<>();
        String template = table.get(open(joined, numbers));
        if (template == null) {
            return Optional.empty();
        }
        StringBuilder name = new StringBuilder();
        int next = 0;
        for (String part : template.split("(?<=[._])|(?=[._])", -1)) {
            if (part.equals("#")) {
                name.append(numbers.get(next++));
            } else if (NUMBER.matcher(part).matches()) {
                if (!numbers.get(next++).equals(part)) {
                    return Optional.empty();
                }
                name.append(part);
            } else {
                name.append(part);
            }
        }
        return Optional.of(name.toString());
    }

    /** A joined name with its numbers left open and collected. */
    private static String open(String joined, List<String> numbers) {
        List<String> parts = new ArrayList<>();
        for (String part : joined.split("_", -1)) {
            if (NUMBER.matcher(part).matches()) {
                numbers.add(part);
                parts.add("#");
            } else {
                parts.add(part);
            }
        }
        return String.join("_", parts);
    }

    private static Map<String, String> table(List<String> templates) {
        Map<String, String> table = new HashMap<>();
        for (String t : templates) {
            String key = open(t.replace('.', '_'), new ArrayList<>());
            if (table.put(key, t) != null) {
                throw new AssertionError("two modules are joined to " + key);
            }
        }
        return Map.copyOf(table);
    }

    private static List<String> transformer() {
        List<String> names = new ArrayList<>(List.of("norm", "proj_in", "proj_out"));
        String block = "transformer_blocks.#.";
        for (String attention : List.of("attn1.", "attn2.")) {
            for (String p : List.of("to_q", "to_k", "to_v", "to_out.0")) {
                names.add(block + attention + p);
            }
        }
        for (String p : List.of("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2")) {
            names.add(block + p);
        }
        return names;
    }

    private static List<String> unet() {
        List<String> names =
                new ArrayList<>(
                        List.of(
                                "conv_in",
                                "conv_out",
                                "conv_norm_out",
                                "time_embedding.linear_#",
                                "add_embedding.linear_#",
                                "down_blocks.#.downsamplers.0.conv",
                                "up_blocks.#.upsamplers.0.conv"));
        for (String block : List.of("down_blocks.#.", "up_blocks.#.", "mid_block.")) {
            under(block + "resnets.#.", RESNET).forEach(names::add);
            under(block + "attentions.#.", TRANSFORMER).forEach(names::add);
        }
        return names;
    }

    private static List<String> original() {
        List<String> names =
                new ArrayList<>(
                        List.of(
                                "time_embed.#",
                                "label_emb.0.#",
                                "input_blocks.0.0",
                                "out.#",
                                "input_blocks.#.0.op",
                                "output_blocks.#.#.conv"));
        for (String block : List.of("input_blocks.#.", "output_blocks.#.", "middle_block.")) {
            String resnet = block.startsWith("middle") ? "#." : "0.";
            under(block + resnet, ORIGINAL_RESNET).forEach(names::add);
            under(block + "1.", TRANSFORMER).forEach(names::add);
        }
        return names;
    }

    private static List<String> text() {
        List<String> names =
                new ArrayList<>(
                        List.of(
                                "text_projection",
                                "text_model.final_layer_norm",
                                "text_model.embeddings.token_embedding",
                                "text_model.embeddings.position_embedding"));
        for (String m :
                List.of(
                        "self_attn.q_proj",
                        "self_attn.k_proj",
                        "self_attn.v_proj",
                        "self_attn.out_proj",
                        "mlp.fc1",
                        "mlp.fc2",
                        "layer_norm1",
                        "layer_norm2")) {
            names.add("text_model.encoder.layers.#." + m);
        }
        return names;
    }

    private static Stream<String> under(String prefix, List<String> names) {
        return names.stream().map(n -> prefix + n);
    }
}
