package org.diffusionsoup.data.emoji;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.data.artwork.EmojiHex;
import org.diffusionsoup.data.artwork.JsonFiles;

/** Reads names, tags and groups from emojibase and keeps what {@link SubjectRules} allow. */
final class EmojiCatalog {
    private static final int TAGS = 2;
    private static final int MIN_TAG_USES = 4;

    private record Entry(
            String hex, String name, List<String> tags, String group, String subgroup) {}

    private EmojiCatalog() {}

    /**
     * @param emojibase folder of the package emojibase-data
     * @return subjects in Unicode's order, names unique
     */
    static List<EmojiSubject> read(Path emojibase) {
        JsonNode meta = JsonFiles.read(emojibase.resolve("meta/groups.json"));
        List<JsonNode> sorted = new ArrayList<>();
        JsonFiles.read(emojibase.resolve("en/data.json")).forEach(sorted::add);
        sorted.sort(Comparator.comparingInt(n -> n.path("order").asInt(Integer.MAX_VALUE)));
        List<Entry> entries = new ArrayList<>();
        Map<String, Integer> uses = new HashMap<>();
        Set<String> names = new HashSet<>();
        for (JsonNode node : sorted) {
            if (!node.has("group")) {
                continue;
            }
            String hex = EmojiHex.normalize(node.path("hexcode").asText());
            String name = SubjectRules.plainName(node.path("label").asText());
            String subgroup = meta.path("subgroups").path(node.path("subgroup").asText()).asText();
            if (!SubjectRules.keep(hex, name, subgroup) || name.isEmpty() || !names.add(name)) {
                continue;
            }
            List<String> tags = new ArrayList<>();
            for (JsonNode tag : node.path("tags")) {
                String text = tag.asText().toLowerCase(Locale.ROOT);
                if (text.matches("[a-z]{3,}")) {
                    tags.add(text);
                    uses.merge(text, 1, Integer::sum);
                }
            }
            String group = meta.path("groups").path(node.path("group").asText()).asText();
            entries.add(new Entry(hex, name, tags, group, subgroup));
        }
        return entries.stream().map(e -> subject(e, uses)).toList();
    }

    /** Common tags come first: words that many subjects share teach more than one-offs. */
    private static EmojiSubject subject(Entry entry, Map<String, Integer> uses) {
        List<String> inName = List.of(entry.name().split("[^a-z0-9]+"));
        List<String> tags =
                entry.tags().stream()
                        .filter(t -> uses.getOrDefault(t, 0) >= MIN_TAG_USES)
                        .filter(t -> inName.stream().noneMatch(w -> sameStem(w, t)))
                        .sorted(
                                Comparator.comparing((String t) -> -uses.getOrDefault(t, 0))
                                        .thenComparing(Comparator.naturalOrder()))
                        .limit(TAGS)
                        .toList();
        return new EmojiSubject(
                entry.hex(),
                entry.name(),
                tags,
                entry.group(),
                entry.subgroup(),
                EmojiDomains.of(entry.name(), entry.subgroup()));
    }

    private static boolean sameStem(String word, String tag) {
        int common = Math.min(word.length(), tag.length());
        return common >= 3 && word.substring(0, common).equals(tag.substring(0, common));
    }
}
