package org.diffusionsoup.data.emoji;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/** Writes whom the pictures and captions come from, under which licence, and what was changed. */
final class Attribution {
    private Attribution() {}

    static void write(Path folder, EmojiSources sources) {
        StringBuilder text = new StringBuilder();
        text.append(
                """
                # Where these pictures and captions come from

                Each shard keeps the licence of the set its pictures were drawn from. The shards are
                separate files beside each other; no picture mixes two sets.

                Changes made to every picture: the SVG drawing was rasterised at 64x64 pixels in RGB
                on a white background and stored as PNG. Skin-tone and gender variants, most flags and
                near-identical drawings were left out.

                Captions: a word for the set, the emoji's English name in lower case, and up to two of
                its tags, all from emojibase-data.

                """);
        for (EmojiProvider provider : EmojiProvider.values()) {
            text.append("## ").append(provider.style()).append(".tar\n\n");
            text.append("- Pictures by ").append(provider.author());
            text.append(", <").append(provider.url()).append(">\n");
            text.append("- npm package `").append(provider.npmPackage()).append("` ");
            text.append(sources.version(provider.npmPackage())).append('\n');
            text.append("- Licence: ").append(licence(provider.licence())).append("\n\n");
        }
        text.append("## Names, tags and groups\n\n- emojibase-data ");
        text.append(sources.version(EmojiSources.EMOJIBASE));
        text.append(" by Miles Johnson, <https://emojibase.dev>\n- Licence: ");
        text.append(licence("MIT")).append('\n');
        AtomicFiles.write(
                folder.resolve("ATTRIBUTION.md"), text.toString().getBytes(StandardCharsets.UTF_8));
        AtomicFiles.write(
                folder.resolve("LICENSE-noto-Apache-2.0.txt"), resource("Apache-2.0.txt"));
        AtomicFiles.write(folder.resolve("LICENSE-fluent-MIT.txt"), resource("MIT-fluent.txt"));
        copy(
                sources.nodeModules().resolve("openmoji/LICENSE.txt"),
                folder.resolve("LICENSE-openmoji-lineart-CC-BY-SA-4.0.txt"));
        copy(sources.emojibase().resolve("LICENSE"), folder.resolve("LICENSE-emojibase-MIT.txt"));
    }

    private static void copy(Path from, Path to) {
        try {
            AtomicFiles.write(to, Files.readAllBytes(from));
        } catch (IOException e) {
            throw new SoupIoException("read", from, e);
        }
    }

    private static byte[] resource(String name) {
        try (InputStream in = Attribution.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new SoupException("the licence text " + name + " is missing from the jar");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new SoupException("the licence text " + name + " cannot be read", e);
        }
    }

    private static String licence(String spdx) {
        return switch (spdx) {
            case "Apache-2.0" -> "Apache-2.0, <https://www.apache.org/licenses/LICENSE-2.0>";
            case "MIT" -> "MIT, <https://spdx.org/licenses/MIT.html>";
            case "CC-BY-4.0" -> "CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>";
            case "CC-BY-SA-4.0" ->
                    "CC BY-SA 4.0, <https://creativecommons.org/licenses/by-sa/4.0/>; the"
                            + " pictures made from it are under the same licence";
            default -> spdx;
        };
    }
}
