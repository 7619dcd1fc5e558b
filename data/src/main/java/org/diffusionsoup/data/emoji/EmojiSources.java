package org.diffusionsoup.data.emoji;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.artwork.EmojiPackages;

/**
 * Where the emoji sets and their names lie.
 *
 * @param packages the sets; beside them in the same folder lies {@code emojibase-data}
 */
public record EmojiSources(EmojiPackages packages) {
    /** Package of names, tags and groups. */
    static final String EMOJIBASE = "emojibase-data";

    /** The pinned version of {@link #EMOJIBASE}. */
    private static final String EMOJIBASE_VERSION = "17.0.0";

    /**
     * Checks that the package of names is there too.
     *
     * @throws SoupException naming the missing package
     */
    public EmojiSources {
        EmojiPackages.require(packages.nodeModules(), EMOJIBASE);
    }

    /**
     * Sources in a {@code node_modules} folder.
     *
     * @throws SoupException naming the first missing package
     */
    public EmojiSources(Path nodeModules) {
        this(new EmojiPackages(nodeModules));
    }

    /** npm package to pinned version, of all that a build needs. */
    public static Map<String, String> pinned() {
        Map<String, String> versions = EmojiPackages.pinned();
        versions.put(EMOJIBASE, EMOJIBASE_VERSION);
        return versions;
    }

    Path emojibase() {
        return packages.nodeModules().resolve(EMOJIBASE);
    }
}
