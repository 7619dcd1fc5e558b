package org.diffusionsoup.registry.weights;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
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
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
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
 * @param data hashes of the rows that a training was on, with how many there are; 0 if not stated
 */
public record Origin(Set<String> named, List<Start> trainedFrom, Map<String, Long> data) {
    /** Of nothing. */
    public static final Origin NONE = new Origin(Set.of(), List.of(), Map.of());

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

    /** Those of them whose data are the rows of shards; others may go with any shard. */
    private static final Set<String> ROWS = Set.of("shards", "shards_sha256", "data_sha256");

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
        data = Map.copyOf(data);
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
        Map<String, Long> rows = new HashMap<>(data);
        rows.keySet().removeAll(other.data().keySet());
        return new Origin(
                left, trainedFrom.stream().filter(s -> left.contains(s.sha256())).toList(), rows);
    }

    /** The same with the data that another, such as the ledger's recipe, names. */
    Origin withDataOf(Origin other) {
        Map<String, Long> rows = new HashMap<>(data);
        rows.putAll(other.data());
        return new Origin(named, trainedFrom, rows);
    }

    private static final class Collector {
        private final Set<String> named = new HashSet<>();
        private final List<Start> starts = new ArrayList<>();
        private final Map<String, Long> data = new HashMap<>();

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
                if (ROWS.contains(field)) {
                    rows(value, 0);
                }
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

        /** Hashes in a list of shards, each a text or an object that states its rows, too. */
        private void rows(JsonValue value, long n) {
            switch (value) {
                case JsonObject o -> {
                    long rows =
                            o.fields().get("rows") instanceof JsonNumber(BigDecimal v)
                                    ? Math.max(0, v.longValue())
                                    : 0;
                    o.fields().values().forEach(v -> rows(v, rows));
                }
                case JsonArray(List<JsonValue> items) -> items.forEach(v -> rows(v, n));
                case JsonString(String text) -> {
                    if (SHA256.matcher(text).matches()) {
                        data.put(text, n);
                    }
                }
                default -> {}
            }
        }

        Origin origin() {
            return new Origin(named, starts, data);
        }
    }
}
