package org.diffusionsoup.data.scene;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.io.Hashes;

/** Packages with a hammer and a lemon by every set, an octopus by one, and clip art of a hammer. */
final class FakeSources {
    static final String HAMMER_CLIP_ART = "tools/Hammer 1.svg";

    private FakeSources() {}

    /**
     * A node_modules folder; the drawings are rectangles, the lemon three times as wide as high.
     */
    static Path packages(Path folder) throws IOException {
        for (String set : List.of("noto", "fluent-emoji-flat", "twemoji")) {
            String octopus =
                    set.equals("noto")
                            ? ", \"octopus\": {\"body\": \"" + rect("#f00", 1) + "\"}"
                            : "";
            write(
                    folder,
                    "@iconify-json/" + set + "/icons.json",
                    "{\"width\": 32, \"height\": 32, \"icons\": {\"hammer\": {\"body\": \""
                            + rect("#0080ff", 2)
                            + "\"}, \"lemon\": {\"body\": \""
                            + rect("#ffd000", 6)
                            + "\"}"
                            + octopus
                            + "}}");
            write(
                    folder,
                    "@iconify-json/" + set + "/chars.json",
                    "{\"1f528\": \"hammer\", \"1f34b\": \"lemon\", \"1f419\": \"octopus\"}");
            write(folder, "@iconify-json/" + set + "/package.json", "{\"version\": \"0.0.1\"}");
        }
        for (String colour : List.of("color", "black")) {
            String fill = colour.equals("black") ? "#000" : "#80f080";
            write(folder, "openmoji/" + colour + "/svg/1F528.svg", svg(rect(fill, 2)));
            write(folder, "openmoji/" + colour + "/svg/1F34B.svg", svg(rect(fill, 6)));
        }
        write(folder, "openmoji/package.json", "{\"version\": \"0.0.2\"}");
        write(folder, "openmoji/LICENSE.txt", "share alike");
        return folder;
    }

    static OpenClipart clipArt(Path folder) throws IOException {
        String drawing = svg(rect("#333", 4));
        write(folder, HAMMER_CLIP_ART, drawing);
        return new OpenClipart(
                folder,
                List.of(
                        new OpenClipart.Choice(
                                "hammer",
                                HAMMER_CLIP_ART,
                                "A hammer",
                                "Jo Böll",
                                Hashes.sha256Hex(drawing.getBytes(StandardCharsets.UTF_8)))));
    }

    private static String rect(String fill, int width) {
        return "<path fill='%s' d='M20 20h%dv2h-%dz'/>".formatted(fill, width, width);
    }

    static String svg(String body) {
        return "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' width='32' height='32'>"
                + body
                + "</svg>";
    }

    private static void write(Path folder, String file, String text) throws IOException {
        Path path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}
