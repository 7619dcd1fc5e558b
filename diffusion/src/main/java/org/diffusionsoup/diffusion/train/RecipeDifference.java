package org.diffusionsoup.diffusion.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/** In which settings two recorded runs differ. */
public final class RecipeDifference {
    private static final int SHOWN = 3;
    private static final int HASH_DIGITS = 12;

    /**
     * Settings that follow from another where nobody gives them: told only if that one is equal.
     */
    private static final Map<String, String> FOLLOWS =
            Map.of(
                    "warmup", "steps",
                    "bucket_step", "bucket_resolution",
                    "bucket_least", "bucket_resolution",
                    "bucket_most", "bucket_resolution");

    private RecipeDifference() {}

    /**
     * For example {@code learning_rate is 1.0E-4 there and 0.001 here}: the first three settings
     * that differ, and how many more do.
     *
     * @param there a recipe that was recorded, as JSON
     * @param here the recipe of the run at hand, as JSON
     * @return empty where the two are equal or one is no JSON object
     */
    public static String of(String there, String here) {
        List<String> found = new ArrayList<>();
        try {
            JsonNode a = JsonConfig.MAPPER.readTree(there);
            JsonNode b = JsonConfig.MAPPER.readTree(here);
            if (a.isObject() && b.isObject()) {
                compare("", a, b, found);
            }
        } catch (JsonProcessingException e) {
            return "";
        }
        int more = found.size() - SHOWN;
        return String.join(", ", found.subList(0, Math.min(SHOWN, found.size())))
                + (more > 0 ? " and " + more + " more differ" : "");
    }

    private static void compare(String place, JsonNode a, JsonNode b, List<String> found) {
        if (a.equals(b)) {
            return;
        }
        if (!a.isObject() || !b.isObject()) {
            found.add(place + " is " + text(a) + " there and " + text(b) + " here");
            return;
        }
        Set<String> names = new TreeSet<>();
        a.fieldNames().forEachRemaining(names::add);
        b.fieldNames().forEachRemaining(names::add);
        for (String name : names) {
            String other = FOLLOWS.getOrDefault(name, name);
            if (other.equals(name) || a.path(other).equals(b.path(other))) {
                compare(
                        place.isEmpty() ? name : place + "." + name,
                        a.path(name),
                        b.path(name),
                        found);
            }
        }
    }

    private static String text(JsonNode value) {
        if (value.isMissingNode()) {
            return "absent";
        }
        if (!value.isEmpty() && value.isArray() && value.path(0).has("name")) {
            return Visible.shortened(
                    StreamSupport.stream(value.spliterator(), false)
                            .map(RecipeDifference::named)
                            .collect(Collectors.joining(" and ")));
        }
        return Visible.shortened(value.toString());
    }

    /** Data as a person knows it: its name, and enough of the hash to tell it from a namesake. */
    private static String named(JsonNode data) {
        String hash = data.path("sha256").asText();
        return data.path("name").asText()
                + (hash.length() > HASH_DIGITS ? " (" + hash.substring(0, HASH_DIGITS) + "…)" : "");
    }
}
