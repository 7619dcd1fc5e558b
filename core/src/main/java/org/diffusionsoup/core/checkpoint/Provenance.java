package org.diffusionsoup.core.checkpoint;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupVersion;

/**
 * Where a model file comes from, kept in its safetensors header under keys that start with {@code
 * soup.}.
 *
 * @param version version of Diffusion Soup that wrote the file ({@code soup.version})
 * @param recipe how the file was made ({@code soup.recipe}): the method, the SHA-256 of every
 *     input, coefficients or training settings; no dates, no absolute paths, so that the same
 *     inputs give the same bytes
 * @param more further entries, by key without the {@code soup.} prefix; unmodifiable
 */
public record Provenance(String version, SoupRecipe recipe, SortedMap<String, String> more) {
    private static final String PREFIX = "soup.";
    private static final String VERSION = "version";
    private static final String RECIPE = "recipe";

    /**
     * @throws IllegalArgumentException if {@code more} holds {@code version} or {@code recipe}
     */
    public Provenance {
        more = Collections.unmodifiableSortedMap(new TreeMap<>(more));
        if (more.containsKey(VERSION) || more.containsKey(RECIPE)) {
            throw new IllegalArgumentException("version and recipe have their own components");
        }
    }

    /** Provenance of a file made now, by this version. */
    public static Provenance of(SoupRecipe recipe) {
        return new Provenance(SoupVersion.current(), recipe, new TreeMap<>());
    }

    /** A copy with one more entry. */
    public Provenance with(String key, String value) {
        TreeMap<String, String> m = new TreeMap<>(more);
        m.put(key, value);
        return new Provenance(version, recipe, m);
    }

    /** These metadata, without any earlier {@code soup.} entries, plus this provenance. */
    public Map<String, String> writeTo(Map<String, String> metadata) {
        TreeMap<String, String> m = new TreeMap<>(withoutProvenance(metadata));
        m.put(PREFIX + VERSION, version);
        m.put(PREFIX + RECIPE, recipe.text());
        more.forEach((k, v) -> m.put(PREFIX + k, v));
        return m;
    }

    /** The provenance in a header, empty if it has no {@code soup.recipe}. */
    public static Optional<Provenance> readFrom(Map<String, String> metadata) {
        String recipe = metadata.get(PREFIX + RECIPE);
        if (recipe == null) {
            return Optional.empty();
        }
        TreeMap<String, String> more = new TreeMap<>();
        metadata.forEach((k, v) -> {
            if (k.startsWith(PREFIX)) {
                more.put(k.substring(PREFIX.length()), v);
            }
        });
        more.remove(RECIPE);
        String version = Optional.ofNullable(more.remove(VERSION)).orElse("unknown");
        return Optional.of(new Provenance(version, new SoupRecipe(recipe), more));
    }

    /** These metadata, which hold a provenance, with one more entry in it. */
    public static Map<String, String> noted(
            Map<String, String> metadata, String key, String value) {
        return readFrom(metadata).orElseThrow().with(key, value).writeTo(metadata);
    }

    /** These metadata without their {@code soup.} entries. */
    public static SortedMap<String, String> withoutProvenance(Map<String, String> metadata) {
        TreeMap<String, String> m = new TreeMap<>(metadata);
        m.keySet().removeIf(k -> k.startsWith(PREFIX));
        return m;
    }
}
