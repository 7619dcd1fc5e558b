package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.data.scene.Tier;

/** The shards that a recipe makes, and references to them and to others. */
final class ShardLines {
    private static final Pattern PART = Pattern.compile("(\\d{1,6})(?:-(\\d{1,6}))?/(\\d{1,6})");

    private final RecipeNodes nodes;
    private final Map<String, RecipeShards.Spec> specs = new LinkedHashMap<>();

    /**
     * @param lines names with what they are made of
     */
    ShardLines(RecipeNodes nodes, JsonNode lines) {
        this.nodes = nodes;
        lines.properties().forEach(e -> specs.put(e.getKey(), spec(e.getKey(), e.getValue())));
    }

    Map<String, RecipeShards.Spec> specs() {
        return specs;
    }

    /** A shard that the recipe makes, by its name, or any other by its reference. */
    String shard(String text) {
        return specs.containsKey(text) ? text : nodes.shard(text);
    }

    private RecipeShards.Spec spec(String name, JsonNode node) {
        String where = "shard " + name;
        nodes.only(node, where, Set.of("of", "part", "grade", "unstyled", "seed"));
        Matcher part = PART.matcher(node.path("part").asText("1/1"));
        if (!node.has("of") || !part.matches()) {
            throw nodes.wrong(
                    where + " needs \"of\", a shard, and a part such as 1/2 or 2-4/4, not " + node);
        }
        int first = Integer.parseInt(part.group(1));
        int last = part.group(2) == null ? first : Integer.parseInt(part.group(2));
        int parts = Integer.parseInt(part.group(3));
        if (first < 1 || last < first || parts < last) {
            throw nodes.wrong(
                    "part of %s is from 1 to the number of parts, not %s"
                            .formatted(where, part.group()));
        }
        return new RecipeShards.Spec(
                nodes.shard(node.path("of").asText()),
                first,
                last,
                parts,
                grade(node.path("grade").asText(""), where),
                node.path("unstyled").asBoolean(false),
                nodes.whole(node, where, "seed", 0, Long.MIN_VALUE));
    }

    private Optional<Tier> grade(String text, String where) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        for (Tier tier : Tier.values()) {
            if (tier.name().equalsIgnoreCase(text)) {
                return Optional.of(tier);
            }
        }
        throw nodes.wrong(
                "grade of %s is one of %s, not %s"
                        .formatted(where, Arrays.toString(Tier.values()), text));
    }
}
