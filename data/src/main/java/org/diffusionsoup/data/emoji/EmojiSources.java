package org.diffusionsoup.data.emoji;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;

/**
 * Where the emoji packages lie.
 *
 * @param nodeModules a folder with {@code @iconify-json/noto}, {@code @iconify-json/twemoji},
 *     {@code @iconify-json/fluent-emoji-flat}, {@code openmoji} and {@code emojibase-data}
 */
public record EmojiSources(Path nodeModules) {
    /** Package of names, tags and groups. */
    static final String EMOJIBASE = "emojibase-data";

    /** The pinned version of {@link #EMOJIBASE}. */
    static final String EMOJIBASE_VERSION = "17.0.0";

    /**
     * Checks that every package is there.
     *
     * @throws SoupException naming the first missing package
     */
    public EmojiSources {
        for (EmojiProvider provider : EmojiProvider.values()) {
            require(nodeModules, provider.npmPackage());
        }
        require(nodeModules, EMOJIBASE);
    }

    /** The version a package states in its {@code package.json}. */
    String version(String npmPackage) {
        return JsonFiles.read(nodeModules.resolve(npmPackage).resolve("package.json"))
                .path("version")
                .asText();
    }

    Path emojibase() {
        return nodeModules.resolve(EMOJIBASE);
    }

    IconSource open(EmojiProvider provider) {
        Path folder = nodeModules.resolve(provider.npmPackage());
        return switch (provider) {
            case NOTO, FLUENT, TWEMOJI -> new IconifyIcons(folder);
            case OPENMOJI -> new OpenMojiIcons(folder.resolve("color/svg"));
            case LINEART -> new OpenMojiIcons(folder.resolve("black/svg"));
        };
    }

    private static void require(Path nodeModules, String npmPackage) {
        if (!Files.isRegularFile(nodeModules.resolve(npmPackage).resolve("package.json"))) {
            throw new SoupException(
                    "%s does not hold the npm package %s; run npm install %s there"
                            .formatted(nodeModules, npmPackage, npmPackage));
        }
    }
}
