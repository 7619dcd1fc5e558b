package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * What weights say of what they were made of: every SHA-256 in the recipe that the ledger has and
 * in the headers of their files, at whatever place. Whoever averages or trains outside the registry
 * and records the result brings in all data of what it was made of, whichever shards are named for
 * it.
 *
 * @param named all hashes but those of data
 * @param trainedFrom those of weights that a training started from
 */
public record Origin(Set<String> named, List<Start> trainedFrom) {
    /** Of nothing. */
    public static final Origin NONE = new Origin(Set.of(), List.of());

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /** Fields that a training, or a LoRA that was fused, names its start by. */
    private static final Set<String> STARTS =
            Set.of(
                    "base_sha256",
                    "base_unet_sha256",
                    "base_vae_sha256",
                    "base_text_encoder_sha256",
                    "base_text_encoder_2_sha256",
                    "unet_from_sha256",
                    "vae_from_sha256");

    /** Fields that name data and no weights. */
    private static final Set<String> DATA =
            Set.of("shards", "shards_sha256", "data_sha256", "drawings_sha256", "prompts_sha256");

    /**
     * What a training started from.
     *
     * @param field of the recipe, such as {@code base_unet_sha256}
     * @param converted whether the recipe is that of what was converted to these weights, whose
     *     base had the other layout
     */
    public record Start(String sha256, String field, boolean converted) {}

    public Origin {
        named = Set.copyOf(named);
        trainedFrom = List.copyOf(trainedFrom);
    }

    /** What a recipe says. */
    public static Origin of(JsonObject recipe) {
        Collector c = new Collector();
        c.value(recipe, "", false);
        return c.origin();
    }

    /**
     * What a recipe and the headers of a stored checkpoint say.
     *
     * @param base whose files, which everything made from it may have, say nothing of this one
     */
    public static Origin of(
            JsonObject recipe, WeightStore store, String checkpoint, Optional<String> base) {
        Collector c = new Collector();
        c.value(recipe, "", false);
        try {
            Set<String> files = new HashSet<>();
            if (base.isPresent()) {
                files.addAll(store.manifest(base.get()).weightFiles().values());
            }
            Manifest m = store.manifest(checkpoint);
            for (StoredFile f : ContentHashes.weights(m)) {
                if (!files.contains(f.sha256())) {
                    c.header(StoredTensors.metadata(store, f));
                }
            }
        } catch (SoupException e) {
            return c.origin(); // damaged in the store, which 'soup fsck' says
        }
        return c.origin();
    }

    /** The same without what another, such as the base, says of itself. */
    Origin without(Origin other) {
        Set<String> left = new HashSet<>(named);
        left.removeAll(other.named());
        return new Origin(
                left, trainedFrom.stream().filter(s -> left.contains(s.sha256())).toList());
    }

    private static final class Collector {
        private final Set<String> named = new HashSet<>();
        private final List<Start> starts = new ArrayList<>();

        void header(Map<String, String> metadata) {
            metadata.forEach((key, text) -> {
                if (!key.startsWith("soup.")) {
                    return;
                }
                String field = key.substring("soup.".length());
                if (text.startsWith("{")) {
                    try {
                        value(Json.parse(text, key), field, false);
                    } catch (SoupException e) {
                        // By other hands, and no recipe: it says nothing.
                    }
                } else {
                    value(new JsonString(text), field, false);
                }
            });
        }

        void value(JsonValue value, String field, boolean converted) {
            if (DATA.contains(field)) {
                return;
            }
            switch (value) {
                case JsonObject o -> {
                    boolean inside =
                            converted
                                    || o.string(SoupRecipe.METHOD)
                                            .orElse("")
                                            .equals(SoupRecipe.CONVERSION);
                    o.fields().forEach((k, v) -> value(v, k, inside));
                }
                case JsonArray(List<JsonValue> items) ->
                        items.forEach(v -> value(v, field, converted));
                case JsonString(String text) -> {
                    if (SHA256.matcher(text).matches()) {
                        named.add(text);
                        Start s = new Start(text, field, converted);
                        if (STARTS.contains(field) && !starts.contains(s)) {
                            starts.add(s);
                        }
                    }
                }
                default -> {}
            }
        }

        Origin origin() {
            return new Origin(named, starts);
        }
    }
}
