package org.diffusionsoup.data.artwork;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.core.SoupException;

/**
 * The npm packages of the emoji sets.
 *
 * @param nodeModules a folder with {@code @iconify-json/noto}, {@code @iconify-json/twemoji},
 *     {@code @iconify-json/fluent-emoji-flat} and {@code openmoji}
 */
public record EmojiPackages(Path nodeModules) {
    /**
     * Checks that every set's package is there.
     *
     * @throws SoupException naming the first missing package
     */
    public EmojiPackages {
        for (EmojiProvider provider : EmojiProvider.values()) {
            require(nodeModules, provider.npmPackage());
        }
    }

    /** npm package to pinned version, of all sets. */
    public static Map<String, String> pinned() {
        Map<String, String> versions = new LinkedHashMap<>();
        for (EmojiProvider provider : EmojiProvider.values()) {
            versions.put(provider.npmPackage(), provider.version());
        }
        return versions;
    }

    /**
     * Checks that a folder holds a package.
     *
     * @throws SoupException saying how to get it
     */
    public static void require(Path nodeModules, String npmPackage) {
        if (!Files.isRegularFile(nodeModules.resolve(npmPackage).resolve("package.json"))) {
            throw new SoupException(
                    "%s does not hold the npm package %s; run npm install %s there"
                            .formatted(nodeModules, npmPackage, npmPackage));
        }
    }

    /** The version a package states in its {@code package.json}. */
    public String version(String npmPackage) {
        return JsonFiles.read(nodeModules.resolve(npmPackage).resolve("package.json"))
                .path("version")
                .asText();
    }

    /** Opens the drawings of one set. */
    public IconSource open(EmojiProvider provider) {
        Path folder = nodeModules.resolve(provider.npmPackage());
        return switch (provider) {
            case NOTO, FLUENT, TWEMOJI -> new IconifyIcons(folder);
            case OPENMOJI -> new OpenMojiIcons(folder.resolve("color/svg"));
            case LINEART -> new OpenMojiIcons(folder.resolve("black/svg"));
        };
    }
}
