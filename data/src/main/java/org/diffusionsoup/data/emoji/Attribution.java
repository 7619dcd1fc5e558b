package org.diffusionsoup.data.emoji;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.artwork.EmojiProvider;
import org.diffusionsoup.data.artwork.LicenceTexts;

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
            text.append(LicenceTexts.section(provider, sources.packages()));
        }
        text.append("## Names, tags and groups\n\n- emojibase-data ");
        text.append(sources.packages().version(EmojiSources.EMOJIBASE));
        text.append(" by Miles Johnson, <https://emojibase.dev>\n- Licence: ");
        text.append(LicenceTexts.inWords("MIT")).append('\n');
        AtomicFiles.write(
                folder.resolve("ATTRIBUTION.md"), text.toString().getBytes(StandardCharsets.UTF_8));
        LicenceTexts.write(folder, sources.packages());
        LicenceTexts.copy(
                sources.emojibase().resolve("LICENSE"),
                folder.resolve("LICENSE-emojibase-MIT.txt"));
    }
}
