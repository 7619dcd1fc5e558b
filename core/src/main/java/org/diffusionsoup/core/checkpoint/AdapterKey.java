package org.diffusionsoup.core.checkpoint;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A tensor's name as adapter files have it, taken apart: the module that is updated, and what of
 * its update the tensor is. Whatever the project knows of such names is known here.
 *
 * @param naming how the module is named
 * @param module the module's name as the file has it, without what belongs to the adapter: {@code
 *     lora_unet_mid_block_attentions_0_proj_in}, {@code unet.mid_block.attentions.0.proj_in}, or
 *     {@code unet:3} where a file only counts
 * @param role what the tensor is in the update
 * @param title the kind of file that this name tells, such as {@code LoRA (kohya)}
 */
public record AdapterKey(Naming naming, String module, Role role, String title) {
    /** How a file names modules. */
    public enum Naming {
        /** {@code lora_unet_…}, {@code lora_te1_…}: joined by underscores (kohya, LyCORIS). */
        JOINED,
        /** {@code unet.…} or bare, joined by dots (peft, diffusers). */
        DOTTED,
        /** {@code unet:3:up}: counted through (cloneofsimo). */
        COUNTED
    }

    /** What a tensor is in the update of its module. */
    public enum Role {
        /** Factor that takes the input: {@code [rank, in, …]}. */
        DOWN,
        /** Factor that gives the output: {@code [out, rank, …]}. */
        UP,
        /** Kernel between the two (CP decomposition): {@code [rank, rank, h, w]}. */
        MID,
        /** A number: the update is scaled by alpha over rank. */
        ALPHA,
        HADA_W1_A,
        HADA_W1_B,
        HADA_W2_A,
        HADA_W2_B,
        HADA_T1,
        HADA_T2,
        LOKR_W1,
        LOKR_W1_A,
        LOKR_W1_B,
        LOKR_W2,
        LOKR_W2_A,
        LOKR_W2_B,
        LOKR_T2,
        /** The update itself. */
        DIFF,
        /** The update of the module's bias. */
        BIAS_DIFF,
        /** Magnitudes of the updated weight, of LyCORIS and kohya: rows or columns, by shape. */
        DORA_SCALE,
        /** Magnitudes of the updated weight's rows, of peft. */
        MAGNITUDE,
        /** Part of an adapter of a kind that is known by name only. */
        OTHER
    }

    private record Ending(String text, Role role, String title) {}

    private static final String KOHYA = "LoRA (kohya)";
    private static final String PEFT = "LoRA (peft)";
    private static final String DIFFUSERS = "LoRA (diffusers)";
    private static final String LOHA = "LoRA (LyCORIS LoHa)";
    private static final String LOKR = "LoRA (LyCORIS LoKr)";

    /** Endings that tell an adapter by themselves, the first that fits. */
    private static final List<Ending> ENDINGS =
            List.of(
                    new Ending(".lora_down.weight", Role.DOWN, KOHYA),
                    new Ending(".lora_up.weight", Role.UP, KOHYA),
                    new Ending(".lora_mid.weight", Role.MID, KOHYA),
                    new Ending(".lora_A.weight", Role.DOWN, PEFT),
                    new Ending(".lora_B.weight", Role.UP, PEFT),
                    new Ending(".lora_magnitude_vector.weight", Role.MAGNITUDE, PEFT),
                    new Ending(".lora_magnitude_vector", Role.MAGNITUDE, PEFT),
                    new Ending(".lora.down.weight", Role.DOWN, DIFFUSERS),
                    new Ending(".lora.up.weight", Role.UP, DIFFUSERS),
                    new Ending(".lora_linear_layer.down.weight", Role.DOWN, DIFFUSERS),
                    new Ending(".lora_linear_layer.up.weight", Role.UP, DIFFUSERS),
                    new Ending("_lora.down.weight", Role.DOWN, DIFFUSERS),
                    new Ending("_lora.up.weight", Role.UP, DIFFUSERS));

    /** Last words that tell an adapter by themselves. */
    private static final Map<String, Ending> WORDS =
            words(
                    new Ending("hada_w1_a", Role.HADA_W1_A, LOHA),
                    new Ending("hada_w1_b", Role.HADA_W1_B, LOHA),
                    new Ending("hada_w2_a", Role.HADA_W2_A, LOHA),
                    new Ending("hada_w2_b", Role.HADA_W2_B, LOHA),
                    new Ending("hada_t1", Role.HADA_T1, LOHA),
                    new Ending("hada_t2", Role.HADA_T2, LOHA),
                    new Ending("lokr_w1", Role.LOKR_W1, LOKR),
                    new Ending("lokr_w1_a", Role.LOKR_W1_A, LOKR),
                    new Ending("lokr_w1_b", Role.LOKR_W1_B, LOKR),
                    new Ending("lokr_w2", Role.LOKR_W2, LOKR),
                    new Ending("lokr_w2_a", Role.LOKR_W2_A, LOKR),
                    new Ending("lokr_w2_b", Role.LOKR_W2_B, LOKR),
                    new Ending("lokr_t2", Role.LOKR_T2, LOKR),
                    new Ending("dora_scale", Role.DORA_SCALE, "LoRA (DoRA)"),
                    new Ending("oft_blocks", Role.OTHER, "LoRA (LyCORIS OFT)"),
                    new Ending("oft_diag", Role.OTHER, "LoRA (LyCORIS OFT)"),
                    new Ending("oft_R", Role.OTHER, "LoRA (peft OFT)"),
                    new Ending("oft_r", Role.OTHER, "LoRA (peft OFT)"),
                    new Ending("boft_R", Role.OTHER, "LoRA (peft BOFT)"),
                    new Ending("on_input", Role.OTHER, "LoRA (LyCORIS IA3)"),
                    new Ending("ia3_l", Role.OTHER, "LoRA (peft IA3)"),
                    new Ending("vera_lambda_b", Role.OTHER, "LoRA (peft VeRA)"),
                    new Ending("vera_lambda_d", Role.OTHER, "LoRA (peft VeRA)"));

    /** Last words that mean something only beside others, or in a module named as kohya does. */
    private static final Map<String, Ending> BESIDE =
            words(
                    new Ending("alpha", Role.ALPHA, KOHYA),
                    new Ending("diff", Role.DIFF, KOHYA),
                    new Ending("diff_b", Role.BIAS_DIFF, KOHYA),
                    new Ending("w_norm", Role.DIFF, KOHYA),
                    new Ending("b_norm", Role.BIAS_DIFF, KOHYA));

    private static final Pattern COUNTED =
            Pattern.compile("((?:unet|text_encoder(?:_2)?):\\d{1,6}):(up|down|alpha|rank)");

    /** peft's name of an adapter between its factor and {@code weight}. */
    private static final Pattern NAMED =
            Pattern.compile(
                    "(.+\\.lora_(?:A|B|magnitude_vector))\\.(?!weight$|bias$)[^.]+(\\.weight)?");

    private static Map<String, Ending> words(Ending... endings) {
        return Arrays.stream(endings).collect(Collectors.toUnmodifiableMap(Ending::text, e -> e));
    }

    /**
     * Takes the name of an adapter's tensor apart.
     *
     * @return empty for names that by themselves tell no adapter
     */
    public static Optional<AdapterKey> of(String key) {
        Optional<AdapterKey> read = read(key);
        if (read.isPresent()) {
            AdapterKey k = read.get();
            boolean tells = !BESIDE.containsKey(lastWord(key)) || k.naming == Naming.JOINED;
            return tells ? read : Optional.empty();
        }
        return rest(key);
    }

    /**
     * The same where the file is known to hold an adapter: {@code x.alpha} and {@code x.diff} are
     * understood too.
     */
    public static Optional<AdapterKey> within(String key) {
        return read(key).or(() -> rest(key));
    }

    private static Optional<AdapterKey> read(String key) {
        Matcher counted = COUNTED.matcher(key);
        if (counted.matches()) {
            Role role =
                    switch (counted.group(2)) {
                        case "up" -> Role.UP;
                        case "down" -> Role.DOWN;
                        default -> Role.OTHER;
                    };
            String title = "LoRA (cloneofsimo)";
            return Optional.of(new AdapterKey(Naming.COUNTED, counted.group(1), role, title));
        }
        Matcher named = NAMED.matcher(key);
        String plain = named.matches() ? named.group(1) + ".weight" : key;
        for (Ending e : ENDINGS) {
            if (plain.endsWith(e.text) && plain.length() > e.text.length()) {
                return Optional.of(key(plain, e));
            }
        }
        String word = lastWord(key);
        Ending e = WORDS.containsKey(word) ? WORDS.get(word) : BESIDE.get(word);
        return e == null || word.length() == key.length()
                ? Optional.empty()
                : Optional.of(key(key, new Ending("." + word, e.role, e.title)));
    }

    private static AdapterKey key(String key, Ending e) {
        String module = key.substring(0, key.length() - e.text.length());
        boolean joined = isJoined(module);
        String title = module.startsWith("lycoris_") ? "LoRA (LyCORIS)" : e.title;
        return new AdapterKey(joined ? Naming.JOINED : Naming.DOTTED, module, e.role, title);
    }

    /** Adapters of kinds and versions that are not read, so that they are not taken for weights. */
    private static Optional<AdapterKey> rest(String key) {
        String title = "";
        if (key.startsWith("lycoris_")) {
            title = "LoRA (LyCORIS)";
        } else if (has(key, "lora_A", "lora_B", "lora_embedding_", "lora_magnitude_vector")) {
            title = key.endsWith(".bias") ? PEFT + " with lora_bias" : PEFT;
        } else if (has(
                key, "_lora.up", "_lora.down", "lora_linear_layer", ".lora.up", ".lora.down")) {
            title = DIFFUSERS;
        } else if (key.startsWith("lora_") || has(key, "lora_up", "lora_down", "lora_mid")) {
            title = KOHYA;
        }
        return title.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new AdapterKey(
                                isJoined(key) ? Naming.JOINED : Naming.DOTTED,
                                key,
                                Role.OTHER,
                                title));
    }

    private static boolean isJoined(String module) {
        return module.startsWith("lora_") || module.startsWith("lycoris_");
    }

    private static boolean has(String key, String... parts) {
        for (String p : parts) {
            if (key.contains(p)) {
                return true;
            }
        }
        return false;
    }

    private static String lastWord(String key) {
        return key.substring(key.lastIndexOf('.') + 1);
    }
}
