package org.diffusionsoup.data.scene;

/**
 * One artist's drawing of a subject.
 *
 * @param key unique over all drawings: letters, digits, {@code - _ .}
 * @param subject a {@link Subject}'s name
 * @param provider {@code noto}, {@code fluent}, {@code twemoji}, {@code openmoji}, {@code lineart}
 *     or {@code openclipart}
 * @param style how the provider's drawings look, in words for captions, such as {@code line art}
 * @param artist the emoji set, or the person who made the drawing
 * @param title what the artist calls it
 * @param licence SPDX identifier or short name
 * @param source package and file or code points that it was made from
 * @param image 96x96, the drawing trimmed to its bounding box and scaled so that the longer side is
 *     96 pixels, centred, transparent elsewhere
 */
public record Drawing(
        String key,
        String subject,
        String provider,
        String style,
        String artist,
        String title,
        String licence,
        String source,
        ArgbImage image) {
    /** Side of every drawing's picture in pixels. */
    public static final int SIDE = 96;
}
