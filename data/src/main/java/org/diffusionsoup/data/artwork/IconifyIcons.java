package org.diffusionsoup.data.artwork;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Drawings of an Iconify JSON package: {@code icons.json} and {@code chars.json}. */
final class IconifyIcons implements IconSource {
    private static final double DEFAULT_SIZE = 16;

    private final JsonNode set;
    private final Map<String, String> names = new HashMap<>();

    IconifyIcons(Path folder) {
        set = JsonFiles.read(folder.resolve("icons.json"));
        JsonFiles.read(folder.resolve("chars.json"))
                .properties()
                .forEach(e -> names.put(EmojiHex.normalize(e.getKey()), e.getValue().asText()));
    }

    @Override
    public Optional<String> svg(String hex) {
        String name = names.get(hex);
        return name == null ? Optional.empty() : render(name);
    }

    /** An alias is another icon with flips and quarter turns; aliases may point to aliases. */
    private Optional<String> render(String name) {
        boolean flipX = false;
        boolean flipY = false;
        int turns = 0;
        String current = name;
        for (int depth = 0; depth < 8; depth++) {
            JsonNode icon = set.path("icons").path(current);
            JsonNode node = icon.isMissingNode() ? set.path("aliases").path(current) : icon;
            flipX ^= node.path("hFlip").asBoolean();
            flipY ^= node.path("vFlip").asBoolean();
            turns += node.path("rotate").asInt();
            if (!icon.isMissingNode()) {
                return Optional.of(document(icon, flipX, flipY, turns));
            }
            current = node.path("parent").asText();
        }
        return Optional.empty();
    }

    private String document(JsonNode icon, boolean flipX, boolean flipY, int turns) {
        double left = number(icon, "left", 0);
        double top = number(icon, "top", 0);
        double width = number(icon, "width", DEFAULT_SIZE);
        double height = number(icon, "height", DEFAULT_SIZE);
        String body = icon.path("body").asText();
        if (flipX || flipY || turns % 4 != 0) {
            double x = left + width / 2;
            double y = top + height / 2;
            body =
                    "<g transform=\"translate(%s %s) rotate(%d) scale(%d %d) translate(%s %s)\">"
                                    .formatted(
                                            x,
                                            y,
                                            90 * turns,
                                            flipX ? -1 : 1,
                                            flipY ? -1 : 1,
                                            -x,
                                            -y)
                            + body
                            + "</g>";
        }
        return ("<svg xmlns=\"http://www.w3.org/2000/svg\""
                                + " xmlns:xlink=\"http://www.w3.org/1999/xlink\""
                                + " width=\"%s\" height=\"%s\" viewBox=\"%s %s %s %s\">")
                        .formatted(width, height, left, top, width, height)
                + body
                + "</svg>";
    }

    private double number(JsonNode icon, String field, double otherwise) {
        return icon.path(field).asDouble(set.path(field).asDouble(otherwise));
    }
}
