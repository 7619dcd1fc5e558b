package org.diffusionsoup.data.artwork;

import java.util.Optional;

/** A set of drawings by code points. */
public interface IconSource {
    /**
     * The drawing as a whole SVG document.
     *
     * @param hex as {@link EmojiHex#normalize} gives it
     */
    Optional<String> svg(String hex);
}
