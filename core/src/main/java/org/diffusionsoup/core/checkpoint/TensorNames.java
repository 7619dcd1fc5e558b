package org.diffusionsoup.core.checkpoint;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.tensor.RenamedSource;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * One name for tensors that libraries have called differently:
 *
 * <ul>
 *   <li>{@code _orig_mod.} of {@code torch.compile}, {@code module.} of data-parallel training, and
 *       around everything {@code model.}, {@code unet.}, or before diffusers' names {@code
 *       model.diffusion_model.}, are left out;
 *   <li>{@code query}, {@code key}, {@code value} and {@code proj_attn}, as diffusers before 0.17
 *       called an autoencoder's attention, become {@code to_q}, {@code to_k}, {@code to_v} and
 *       {@code to_out.0}, as matrices where they are stored as 1x1 convolutions;
 *   <li>a CLIP text encoder without {@code text_model.} before its names gets it.
 * </ul>
 */
public final class TensorNames {
    private static final String LDM = "model.diffusion_model.";
    private static final String TEXT = "text_model.";
    private static final String PARALLEL = "module.";

    /** The first tensor of a denoiser, as diffusers calls it. */
    private static final String UNET = "conv_in.weight";

    /** Where a text encoder's names begin; the last is a whole one. */
    private static final List<String> TEXTS =
            List.of("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "");

    private static final Pattern OLD_ATTENTION =
            Pattern.compile(
                    "(.*\\.attentions\\.\\d+\\.)(query|key|value|proj_attn)\\.(weight|bias)");

    private static final Pattern PROJECTION =
            Pattern.compile(
                    "(.*\\.)?(encoder|decoder)\\.mid_block\\.attentions\\.\\d+"
                            + "\\.(to_[qkv]|to_out\\.0)\\.weight");

    private static final Map<String, String> ATTENTION =
            Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

    private TensorNames() {}

    /**
     * The same checkpoints, under today's names where they differ in names or shapes; those of the
     * list are closed by whoever opened them, what is made here need not be.
     */
    public static List<Checkpoint> agreeing(List<Checkpoint> checkpoints) {
        Checkpoint first = checkpoints.getFirst();
        if (checkpoints.stream().allMatch(c -> sameTensors(first, c))) {
            return checkpoints;
        }
        List<Checkpoint> made = new ArrayList<>();
        checkpoints.forEach(c -> made.add(today(c)));
        return made;
    }

    private static boolean sameTensors(Checkpoint a, Checkpoint b) {
        if (a == b) {
            return true;
        }
        if (!a.parts().keySet().equals(b.parts().keySet())) {
            return false;
        }
        for (var part : a.parts().entrySet()) {
            Map<String, TensorInfo> its = b.part(part.getKey()).tensors();
            if (part.getValue().tensors().size() != its.size()) {
                return false;
            }
            for (TensorInfo t : part.getValue().tensors().values()) {
                TensorInfo other = its.get(t.name());
                if (other == null || !t.sameShape(other)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** A checkpoint under today's names: itself if it has them. */
    public static Checkpoint today(Checkpoint checkpoint) {
        SequencedMap<String, TensorSource> parts = new LinkedHashMap<>();
        boolean changed = false;
        for (var part : checkpoint.parts().entrySet()) {
            TensorSource source = today(part.getValue());
            changed |= source != part.getValue();
            parts.put(part.getKey(), source);
        }
        return changed ? checkpoint.withParts(parts) : checkpoint;
    }

    /** A state dict under today's names: itself if it has them; borrowed otherwise. */
    public static TensorSource today(TensorSource source) {
        Set<String> names = source.tensors().keySet();
        SequencedMap<String, String> originals = new LinkedHashMap<>();
        names.forEach(n -> originals.put(n, n));
        boolean changed = unwrap(originals);
        changed |= rename(originals, TensorNames::attention);
        for (String before : TEXTS) {
            changed |= text(originals, before);
        }
        Map<String, long[]> shapes = new HashMap<>();
        originals.forEach((name, old) -> {
            long[] s = source.tensor(old).shape();
            if (s.length == 4 && s[2] * s[3] == 1 && PROJECTION.matcher(name).matches()) {
                shapes.put(name, new long[] {s[0], s[1]});
            }
        });
        // Two tensors that would get one name: what either is cannot be told.
        if (originals.size() != names.size() || (!changed && shapes.isEmpty())) {
            return source;
        }
        return new RenamedSource(source, originals, shapes);
    }

    @FunctionalInterface
    private interface Renaming {
        String of(String name);
    }

    /** Whether a name changed; those that become equal are fewer afterwards. */
    private static boolean rename(SequencedMap<String, String> originals, Renaming renaming) {
        boolean changed = false;
        SequencedMap<String, String> renamed = new LinkedHashMap<>();
        for (var e : originals.entrySet()) {
            String name = renaming.of(e.getKey());
            changed |= !name.equals(e.getKey());
            renamed.put(name, e.getValue());
        }
        if (changed) {
            originals.clear();
            originals.putAll(renamed);
        }
        return changed;
    }

    private static boolean unwrap(SequencedMap<String, String> originals) {
        boolean changed = rename(originals, TensorNames::notCompiled);
        for (String wrapper = wrapper(originals.keySet());
                !wrapper.isEmpty();
                wrapper = wrapper(originals.keySet())) {
            int length = wrapper.length();
            changed |= rename(originals, n -> n.substring(length));
        }
        // Parts that were trained beside others which were not, saved together.
        return changed
                | rename(
                        originals,
                        n ->
                                n.startsWith(PARALLEL) && n.length() > PARALLEL.length()
                                        ? n.substring(PARALLEL.length())
                                        : n);
    }

    private static String notCompiled(String name) {
        String n = name.replace("._orig_mod.", ".");
        return n.startsWith("_orig_mod.") ? n.substring("_orig_mod.".length()) : n;
    }

    /** What every name begins with for no reason of the model's; empty if there is nothing. */
    private static String wrapper(Set<String> names) {
        for (String w : List.of(PARALLEL, "state_dict.", "model.", "unet.", LDM)) {
            boolean own = w.equals(LDM);
            boolean all =
                    (own ? names.contains(LDM + UNET) : !names.isEmpty())
                            && names.stream()
                                    .allMatch(n ->
                                            n.startsWith(w)
                                                    && n.length() > w.length()
                                                    && (own || !n.startsWith(LDM)));
            if (all) {
                return w;
            }
        }
        return "";
    }

    private static String attention(String name) {
        Matcher m = OLD_ATTENTION.matcher(name);
        return m.matches() ? m.group(1) + ATTENTION.get(m.group(2)) + "." + m.group(3) : name;
    }

    private static boolean text(SequencedMap<String, String> originals, String before) {
        Set<String> names = originals.keySet();
        if (!names.contains(before + "embeddings.token_embedding.weight")) {
            return false;
        }
        return rename(
                originals,
                n -> {
                    if (!n.startsWith(before)) {
                        return n;
                    }
                    String rest = n.substring(before.length());
                    boolean inText =
                            rest.startsWith("embeddings.")
                                    || rest.startsWith("encoder.")
                                    || rest.startsWith("final_layer_norm.");
                    return inText ? before + TEXT + rest : n;
                });
    }

    /**
     * Whether a tensor is what attention adds to hide tokens from each other: minus infinity is no
     * damage there.
     */
    public static boolean isMask(String tensor) {
        return tensor.endsWith("attn_mask")
                || tensor.endsWith("causal_mask")
                || tensor.endsWith("attention_mask");
    }
}
