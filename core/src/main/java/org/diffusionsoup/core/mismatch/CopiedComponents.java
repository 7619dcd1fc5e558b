package org.diffusionsoup.core.mismatch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.mismatch.Mismatches.Model;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.jspecify.annotations.Nullable;

/**
 * What of folders is copied from the first where only some components are averaged: it need not be
 * alike, as a mean of autoencoders has a meaning whatever UNets they came with.
 *
 * @param averaged the components that are averaged; empty for all
 */
record CopiedComponents(SortedSet<String> averaged) {
    /** Nothing is. */
    static final CopiedComponents NONE = new CopiedComponents(new TreeSet<>());

    /**
     * Components without weights that say what the numbers of others mean: which noise a denoiser
     * predicts, which tokens a text encoder's rows are of, and so what a denoiser was told.
     */
    private static final Map<String, Set<String>> MEANING =
            Map.of(
                    "unet", Set.of("scheduler", "tokenizer", "tokenizer_2"),
                    "transformer", Set.of("scheduler", "tokenizer", "tokenizer_2", "tokenizer_3"),
                    "text_encoder", Set.of("tokenizer"),
                    "text_encoder_2", Set.of("tokenizer_2"),
                    "text_encoder_3", Set.of("tokenizer_3"));

    /** A model without the components that are copied. */
    Model without(Model model) {
        if (averaged.isEmpty() || model.folder().isEmpty()) {
            return model;
        }
        SequencedMap<String, SequencedMap<String, TensorInfo>> parts =
                new LinkedHashMap<>(model.parts());
        parts.keySet().retainAll(averaged);
        return new Model(model.name(), parts, model.folder(), model.header());
    }

    /** Whether a file without weights of a folder is none that the averaged ones depend on. */
    boolean has(String file) {
        String part = DiffusersFolder.componentOf(file);
        return !averaged.isEmpty()
                && !averaged.contains(part)
                && averaged.stream()
                        .noneMatch(a -> MEANING.getOrDefault(a, Set.of()).contains(part));
    }

    /**
     * Which models are of another architecture than the first in what is copied from it, in a
     * sentence; empty where none is.
     *
     * @param models with all components
     */
    String note(List<Model> models) {
        List<String> others = new ArrayList<>();
        Model first = models.getFirst();
        for (Model other : models.subList(1, models.size())) {
            if (averaged.isEmpty() || first.folder().isEmpty() || other.folder().isEmpty()) {
                continue;
            }
            Set<String> parts = new TreeSet<>(first.parts().keySet());
            parts.addAll(other.parts().keySet());
            parts.removeAll(averaged);
            parts.removeIf(p -> alike(first.parts().get(p), other.parts().get(p)));
            if (!parts.isEmpty()) {
                others.add(other.name() + " (" + String.join(", ", parts) + ")");
            }
        }
        return others.isEmpty()
                ? ""
                : "What is not averaged is copied from %s, and of another architecture there: %s."
                        .formatted(first.name(), String.join("; ", others));
    }

    private static boolean alike(
            @Nullable Map<String, TensorInfo> one, @Nullable Map<String, TensorInfo> other) {
        return one != null
                && other != null
                && one.keySet().equals(other.keySet())
                && one.entrySet().stream()
                        .allMatch(e -> {
                            TensorInfo its = other.get(e.getKey());
                            return its != null && Arrays.equals(e.getValue().shape(), its.shape());
                        });
    }
}
