package org.diffusionsoup.registry.context;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/**
 * Who gave pictures, as people write it: {@code acme}, {@code Acme} and {@code acme} with a
 * no-break blank behind it are three texts, and mostly one provider.
 */
public final class Providers {
    /** Blanks, controls, what has no width, and what only chooses the look of a letter. */
    private static final String UNSEEN =
            "[\\s\\p{Z}\\p{C}\\x{34f}\\x{115f}\\x{1160}\\x{17b4}\\x{17b5}\\x{180b}-\\x{180d}"
                    + "\\x{3164}\\x{fe00}-\\x{fe0f}\\x{e0100}-\\x{e01ef}]+";

    private Providers() {}

    /**
     * Live shards of providers.
     *
     * @param named as their shards have it
     * @param allSpellings whether shards count, too, whose provider is written otherwise only in
     *     case, blanks or what cannot be seen
     * @throws RegistryException if one has none, or there are such others and they do not count
     */
    public static List<ShardRow> liveShards(Queries q, Set<String> named, boolean allSpellings) {
        Map<String, List<ShardRow>> live = new TreeMap<>();
        q.shards().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .forEach(s -> live.computeIfAbsent(s.provider(), p -> new ArrayList<>()).add(s));
        List<ShardRow> found = new ArrayList<>();
        for (String provider : named) {
            Map<String, List<ShardRow>> others = new TreeMap<>(live);
            others.keySet().removeIf(o -> named.contains(o) || !folded(o).equals(folded(provider)));
            List<ShardRow> own = live.getOrDefault(provider, List.of());
            if (own.isEmpty() && (others.isEmpty() || !allSpellings)) {
                throw new RegistryException(
                        "No live shard is of the provider '"
                                + shown(provider)
                                + "'"
                                + before(q, provider)
                                + "."
                                + (others.isEmpty() ? "" : " " + otherwise(provider, others)));
            }
            if (!others.isEmpty() && !allSpellings) {
                throw new RegistryException(otherwise(provider, others));
            }
            found.addAll(own);
            others.values().forEach(found::addAll);
        }
        return found.stream().distinct().toList();
    }

    private static String otherwise(String provider, Map<String, List<ShardRow>> others) {
        return "Live shards are of %s, written otherwise than '%s' only in case, blanks or characters that cannot be seen, and nothing was withdrawn. Say `allSpellings` to mean them, too, or name the shards that are meant instead of a provider."
                .formatted(
                        others.entrySet().stream()
                                .map(o ->
                                        "'%s' (%s)"
                                                .formatted(
                                                        shown(o.getKey()),
                                                        o.getValue().stream()
                                                                .map(ShardRow::name)
                                                                .collect(Collectors.joining(", "))))
                                .collect(Collectors.joining(" and ")),
                        shown(provider));
    }

    /** What withdrew a provider's shards, whose certificate may be what is wanted. */
    private static String before(Queries q, String provider) {
        return q.shards().stream()
                .filter(s -> s.provider().equals(provider))
                .flatMap(s -> s.withdrawn().stream())
                .max(Long::compare)
                .map(entry ->
                        ": entry %d withdrew the last, and 'soup certificate %d' writes its certificate"
                                .formatted(entry, entry))
                .orElse("");
    }

    /** The same for texts that people would read as one name. */
    private static String folded(String provider) {
        return Normalizer.normalize(provider, Normalizer.Form.NFKC)
                .replaceAll(UNSEEN, "")
                .toUpperCase(Locale.ROOT) // which makes one of more letters than lower case does
                .toLowerCase(Locale.ROOT);
    }

    /** With all blanks but the plain one, and all that cannot be seen, as numbers. */
    private static String shown(String provider) {
        StringBuilder out = new StringBuilder();
        provider.codePoints()
                .forEach(c -> {
                    if (c != ' ' && Character.toString(c).matches(UNSEEN)) {
                        out.append("\\u{%x}".formatted(c));
                    } else {
                        out.appendCodePoint(c);
                    }
                });
        return out.toString();
    }

    /** Without blanks of any kind around it. */
    public static String stripped(String provider) {
        return provider.replaceAll("^[\\s\\p{Z}]+|[\\s\\p{Z}]+$", "");
    }
}
