package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.jspecify.annotations.Nullable;

/**
 * Which weights that were withdrawn may be back, at one state of the ledger: those of which all
 * pictures behind everything that had them are live in the shards that are named.
 */
public final class AgreedWeights {
    private final Queries q;
    private final Collection<Long> shards;
    private final Map<Long, Boolean> agreed = new HashMap<>();
    private @Nullable Set<String> live;

    /**
     * @param shards in which the pictures would have to be live
     */
    public AgreedWeights(Queries q, Collection<Long> shards) {
        this.q = q;
        this.shards = List.copyOf(shards);
    }

    /** Hashes that were withdrawn, each by all that had it, and that are not agreed on. */
    List<WithdrawnWeight> missing(Set<String> hashes) {
        List<WithdrawnWeight> hits = new ArrayList<>(q.withdrawnWeights(hashes));
        Map<String, List<WithdrawnWeight>> owners = new HashMap<>();
        hits.forEach(h -> owners.computeIfAbsent(h.sha256(), x -> new ArrayList<>()).add(h));
        hits.removeIf(h -> isAgreed(owners.getOrDefault(h.sha256(), List.of())));
        return hits;
    }

    /** Whether all that had one hash, and was withdrawn with it, is agreed on. */
    public boolean isAgreed(Collection<WithdrawnWeight> owners) {
        return owners.stream().allMatch(o -> isAgreed(o) || isOfAgreedMember(o, owners));
    }

    /** What a soup has in common with an ingredient of it is agreed on with that. */
    private boolean isOfAgreedMember(WithdrawnWeight soup, Collection<WithdrawnWeight> owners) {
        return q.soup(soup.owner()).map(SoupRow::members).orElse(List.of()).stream()
                .anyMatch(m ->
                        owners.stream().anyMatch(o -> o.owner() == m.ingredient() && isAgreed(o)));
    }

    private boolean isAgreed(WithdrawnWeight owner) {
        return agreed.computeIfAbsent(
                owner.owner(),
                o -> {
                    Set<String> needed = needed(o);
                    return !needed.isEmpty() && live().containsAll(needed);
                });
    }

    private Set<String> live() {
        Set<String> pictures = live;
        if (pictures == null) {
            pictures = AgreedPictures.live(q, shards);
            live = pictures;
        }
        return pictures;
    }

    /**
     * SHA-256 of the pictures behind something that was recorded, whether it left or not. What left
     * without having been trained on what was withdrawn, as a copy under another name, has those
     * pictures behind it, too, whatever it is recorded with; so has what was made from a base that
     * left, be it then or later; and a soup has what its ingredients have.
     */
    private Set<String> needed(long owner) {
        Set<String> needed = new HashSet<>();
        q.ingredient(owner).ifPresent(i -> needed.addAll(ofIngredient(i)));
        q.soup(owner)
                .map(SoupRow::members)
                .orElse(List.of())
                .forEach(m -> needed.addAll(needed(m.ingredient())));
        q.bases().stream()
                .filter(b -> b.id() == owner)
                .flatMap(b -> b.withdrawn().stream())
                .forEach(w -> needed.addAll(thatLeft(w)));
        return needed;
    }

    private Set<String> ofIngredient(IngredientRow i) {
        Set<String> needed = AgreedPictures.asOf(q, i.shards(), i.id());
        needed.addAll(needed(i.base()));
        i.withdrawn()
                .filter(w -> i.shards().stream().noneMatch(shardsOf(w)::contains))
                .ifPresent(w -> needed.addAll(thatLeft(w)));
        return needed;
    }

    private Set<String> thatLeft(long withdrawal) {
        return AgreedPictures.asOf(q, shardsOf(withdrawal), withdrawal - 1); // as they were before
    }

    /** Those that a withdrawal took, whole or in part. */
    private Set<Long> shardsOf(long withdrawal) {
        JsonObject body = q.entry(withdrawal).body();
        Set<Long> left = new HashSet<>(Json.numbers(body, "shards"));
        Json.objects(body, "samples").forEach(s -> left.add(Json.number(s, "shard")));
        return left;
    }
}
