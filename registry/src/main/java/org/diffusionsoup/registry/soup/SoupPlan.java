package org.diffusionsoup.registry.soup;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Names;

/**
 * A soup to be made.
 *
 * @param name of the soup; made again, it gets the next version
 * @param ingredients what goes in; of a soup that follows, all live ingredients may be left unnamed
 * @param follows whether {@code Registry.update} takes in what is added later
 * @param selection how a search chose the ingredients, if one did
 * @param keepSum whether the exact sum is kept, so that changes read only it and what changes
 */
public record SoupPlan(
        String name,
        List<Item> ingredients,
        boolean follows,
        Optional<Selection> selection,
        boolean keepSum) {
    /** An ingredient by name and its k_i before normalisation. */
    public record Item(String ingredient, Coefficient coefficient) {}

    /**
     * What a search left behind.
     *
     * @param method such as {@code greedy}
     * @param candidates names of all ingredients it chose among
     * @param checkpoints what it read as these, by their names; of those that are missing it is not
     *     known
     * @param journal what it tried and scored, as it wrote it
     */
    public record Selection(
            String method,
            List<String> candidates,
            Map<String, String> checkpoints,
            JsonObject journal) {
        public Selection {
            candidates = List.copyOf(candidates);
            checkpoints = Map.copyOf(checkpoints);
        }

        /** A search of which nobody knows what weights it read. */
        public Selection(String method, List<String> candidates, JsonObject journal) {
            this(method, candidates, Map.of(), journal);
        }
    }

    public SoupPlan {
        Names.check("soup", name);
        ingredients = List.copyOf(ingredients);
    }
}
