package org.diffusionsoup.core.diff;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Names of blocks: the first levels of a tensor's key, a level being a word with the number that
 * follows it, such as {@code down_blocks.0}. Names compare in the order in which data flows through
 * a Stable Diffusion model.
 */
public final class BlockNames {
    /** Prefixes of single-file Stable Diffusion checkpoints and the component they stand for. */
    private static final Map<String, String> LDM =
            Map.of(
                    "model.diffusion_model.", "unet",
                    "model_ema.", "unet (EMA)",
                    "first_stage_model.", "vae",
                    "cond_stage_model.transformer.", "text_encoder",
                    "cond_stage_model.model.", "text_encoder",
                    "conditioner.embedders.0.transformer.", "text_encoder",
                    "conditioner.embedders.1.model.", "text_encoder_2");

    private static final List<List<String>> ORDER =
            List.of(
                    List.of("embeddings", "token_embedding", "positional_embedding", "conv_in"),
                    List.of("time_proj"),
                    List.of("time_embedding", "time_embed"),
                    List.of("add_embedding", "class_embedding", "label_emb"),
                    List.of("encoder", "transformer"),
                    List.of("quant_conv"),
                    List.of("post_quant_conv"),
                    List.of("decoder"),
                    List.of("down_blocks", "input_blocks", "down"),
                    List.of("mid_block", "middle_block", "mid"),
                    List.of("up_blocks", "output_blocks", "up"),
                    // resnets.0, attentions.0, resnets.1, attentions.1, …
                    List.of("resnets", "attentions"),
                    List.of("downsamplers", "upsamplers"),
                    List.of("conv_norm_out", "final_layer_norm", "ln_final", "norm_out"),
                    List.of("conv_out", "text_projection", "out"));
    private static final List<String> COMPONENTS =
            List.of("text_encoder", "text_encoder_2", "unet", "transformer", "unet (EMA)", "vae");
    private static final List<String> TRANSPARENT = List.of("text_model", "model");

    private BlockNames() {}

    /**
     * The component of a tensor: its part, or what its prefix stands for in a single-file Stable
     * Diffusion checkpoint; empty where it stands for none.
     */
    public static String component(String part, String tensor) {
        return part.isEmpty()
                ? LDM.entrySet().stream()
                        .filter(e -> tensor.startsWith(e.getKey()))
                        .map(Map.Entry::getValue)
                        .findFirst()
                        .orElse("")
                : part;
    }

    /**
     * The block of a tensor.
     *
     * @param depth number of levels, at least 1
     */
    static String block(String tensor, int depth) {
        String rest =
                LDM.keySet().stream()
                        .filter(tensor::startsWith)
                        .findFirst()
                        .map(p -> tensor.substring(p.length()))
                        .orElse(tensor);
        String[] words = rest.split("\\.");
        int end = Math.max(1, words.length - 1); // the last is weight, bias and the like
        StringBuilder block = new StringBuilder();
        int levels = 0;
        for (int i = 0; i < end; i++) {
            boolean joins = isNumber(words[i]) && i > 0 && !isNumber(words[i - 1]);
            if (!joins && !TRANSPARENT.contains(words[i])) {
                if (levels == depth) {
                    break;
                }
                levels++;
            }
            block.append(i == 0 ? "" : ".").append(words[i]);
        }
        return block.toString();
    }

    static Comparator<String> componentOrder() {
        return Comparator.<String>comparingInt(
                        c -> {
                            int at = COMPONENTS.indexOf(c);
                            return at < 0 ? COMPONENTS.size() : at;
                        })
                .thenComparing(Comparator.naturalOrder());
    }

    static int compare(String a, String b) {
        List<Level> x = levels(a);
        List<Level> y = levels(b);
        for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
            int c = x.get(i).compareTo(y.get(i));
            if (c != 0) {
                return c;
            }
        }
        return Integer.compare(x.size(), y.size());
    }

    private record Level(int rank, long number, int within, String word)
            implements Comparable<Level> {
        private static final Comparator<Level> ORDER =
                Comparator.comparingInt(Level::rank)
                        .thenComparingLong(Level::number)
                        .thenComparingInt(Level::within)
                        .thenComparing(Level::word);

        @Override
        public int compareTo(Level o) {
            return ORDER.compare(this, o);
        }
    }

    private static List<Level> levels(String name) {
        List<Level> levels = new ArrayList<>();
        String[] words = name.split("\\.");
        for (int i = 0; i < words.length; i++) {
            boolean bare = isNumber(words[i]);
            boolean followed = !bare && i + 1 < words.length && isNumber(words[i + 1]);
            long number = bare ? Long.parseLong(words[i]) : followed ? parse(words[i + 1]) : -1;
            String word = bare ? "" : words[i];
            int rank = ORDER.size() - 4; // unknown names stand before the last ones
            int within = 0;
            for (int r = 0; r < ORDER.size(); r++) {
                int at = ORDER.get(r).indexOf(word);
                if (at >= 0) {
                    rank = r;
                    within = at;
                }
            }
            levels.add(new Level(rank, number, within, word));
            i += followed ? 1 : 0;
        }
        return levels;
    }

    private static long parse(String number) {
        return Long.parseLong(number);
    }

    private static boolean isNumber(String word) {
        return !word.isEmpty()
                && word.length() < 10
                && word.chars().allMatch(c -> c >= '0' && c <= '9');
    }
}
