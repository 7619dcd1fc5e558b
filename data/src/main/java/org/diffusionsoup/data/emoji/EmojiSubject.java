package org.diffusionsoup.data.emoji;

import java.util.List;

/**
 * One thing to draw.
 *
 * @param hex code points, lower-case hex joined by '-', without variation selectors
 * @param name lower-case ASCII words
 * @param tags up to two words that say more, the commonest first
 * @param group Unicode group
 * @param subgroup Unicode subgroup
 * @param domain one of {@link org.diffusionsoup.data.Domains}
 */
record EmojiSubject(
        String hex, String name, List<String> tags, String group, String subgroup, String domain) {

    private static final int MAX_WORDS = 14;

    /** {@code "<style> <name>, <tag>, <tag>"}; tags are left out where it would get too long. */
    String caption(String style) {
        StringBuilder caption = new StringBuilder(style).append(' ').append(name);
        for (String tag : tags) {
            if ((caption + " " + tag).split(" ").length <= MAX_WORDS) {
                caption.append(", ").append(tag);
            }
        }
        return caption.toString();
    }

    /** The name with every run of other signs than letters and digits as one '-'. */
    String slug() {
        return name.replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
    }
}
