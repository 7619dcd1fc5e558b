package org.diffusionsoup.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.SoupException;

/** The {@code KEY.json} of a row: fields in fixed order, empty ones left out. */
final class SampleJson {
    private static final Set<String> FIELDS =
            Set.of(
                    "caption",
                    "name",
                    "style",
                    "subject",
                    "provider",
                    "licence",
                    "group",
                    "subgroup",
                    "domain",
                    "split",
                    "sha256",
                    "scene");

    private SampleJson() {}

    static byte[] write(SampleInfo info) {
        ObjectNode node = JsonMappers.PLAIN.createObjectNode();
        node.put("caption", info.caption());
        putIfPresent(node, "name", info.name());
        putIfPresent(node, "style", info.style());
        putIfPresent(node, "subject", info.subject());
        putIfPresent(node, "provider", info.provider());
        putIfPresent(node, "licence", info.licence());
        putIfPresent(node, "group", info.group());
        putIfPresent(node, "subgroup", info.subgroup());
        putIfPresent(node, "domain", info.domain());
        node.put("split", info.split());
        node.put("sha256", info.sha256());
        try {
            if (!info.scene().isEmpty()) {
                node.set("scene", JsonMappers.PLAIN.readTree(info.scene()));
            }
            return JsonMappers.PLAIN.writeValueAsString(node).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new SoupException("row " + info.key() + " cannot be written as JSON", e);
        }
    }

    /**
     * @param key of the row, as the tar has it
     * @param json text of {@code KEY.json}; empty if the row has none
     * @param text of {@code KEY.txt}, used where the JSON names no caption
     * @param sha256 of the image; other programs' files may state that of a picture they made it
     *     from, so only what {@link #write} wrote is held to it
     * @param where file and row, for errors
     */
    static SampleInfo read(String key, String json, String text, String sha256, String where) {
        JsonNode node =
                json.isBlank()
                        ? JsonMappers.PLAIN.createObjectNode()
                        : RowJson.read(json, where + " has a .json that");
        String caption = text(node, "caption");
        if (!caption.isBlank()
                && !text.isBlank()
                && !RowFiles.oneLine(caption).equals(RowFiles.oneLine(text))) {
            throw new SoupException(
                    where + " has two captions, in its .json and in its .txt; keep one");
        }
        if (caption.isBlank()) {
            caption = text.isBlank() ? text(node, "text") : text.strip();
        }
        if (caption.isBlank()) {
            throw new NoCaption(where + " has an image but no caption");
        }
        Split split = Split.meant(orElse(text(node, "split"), Split.TRAIN.word()), where);
        String stated = text(node, "sha256");
        boolean ours = isOurs(node);
        if (ours && !stated.equals(sha256)) {
            throw new SoupException(
                    where + " is damaged: its image's sha256 is not the one its .json states");
        }
        return new SampleInfo(
                // A shard written here and packed again by tar lies in that tar's folder.
                RowFiles.plainKey(ours ? key.substring(key.lastIndexOf('/') + 1) : key),
                caption,
                text(node, "name"),
                text(node, "style"),
                text(node, "subject"),
                text(node, "provider"),
                // Byte for byte what a shard of ours says; others spell and fill it as they like.
                ours ? text(node, "licence") : licence(node, where),
                text(node, "group"),
                text(node, "subgroup"),
                orElse(text(node, "domain"), Domains.OTHER),
                split.word(),
                sha256,
                node.path("scene").isObject() ? node.path("scene").toString() : "");
    }

    /** A row whose picture has no words; callers that read on may count them. */
    static final class NoCaption extends SoupException {
        private static final long serialVersionUID = 1L;

        NoCaption(String message) {
            super(message);
        }
    }

    /** Whether {@link #write} may have written this: its fields and no others. */
    private static boolean isOurs(JsonNode node) {
        return node.has("sha256")
                && node.has("split")
                && node.properties().stream().allMatch(e -> FIELDS.contains(e.getKey()));
    }

    private static void putIfPresent(ObjectNode node, String field, String value) {
        if (!value.isEmpty()) {
            node.put(field, value);
        }
    }

    private static String licence(JsonNode node, String where) {
        Map<String, String> fields = new HashMap<>();
        node.properties().forEach(e -> fields.put(e.getKey(), e.getValue().asText("")));
        return FolderRow.Stated.licence(fields, where);
    }

    private static String text(JsonNode node, String field) {
        return node.path(field).asText("");
    }

    private static String orElse(String value, String otherwise) {
        return value.isEmpty() ? otherwise : value;
    }
}
