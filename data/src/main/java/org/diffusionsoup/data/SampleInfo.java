package org.diffusionsoup.data;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/**
 * Everything known about one captioned picture except its pixels.
 *
 * @param key name of the row inside its shard, unique there; letters, digits, {@code - _ .}
 * @param caption the whole caption, not blank
 * @param name the subject in words, without style; may be empty for imported rows
 * @param style the style's word, such as {@code noto}; may be empty for imported rows
 * @param subject the same string for the same thing drawn by several providers; empty if unknown
 * @param provider who gave the picture
 * @param licence SPDX identifier or short name of the licence
 * @param group coarse Unicode group, empty if unknown
 * @param subgroup fine Unicode subgroup, empty if unknown
 * @param domain one of the paper's nine domains (Table 1) or {@code other}
 * @param split {@code train} or {@code heldout}
 * @param sha256 of the image file's bytes, 64 lower-case hex digits
 * @param scene what is on a composed picture, as the JSON text of one object (see {@link
 *     org.diffusionsoup.data.scene.SceneRows}); empty for pictures that were not composed
 */
public record SampleInfo(
        String key,
        String caption,
        String name,
        String style,
        String subject,
        String provider,
        String licence,
        String group,
        String subgroup,
        String domain,
        String split,
        String sha256,
        String scene) {
    /** Names of the fields that a view can filter on. */
    public static final List<String> FIELDS =
            List.of(
                    "provider",
                    "domain",
                    "split",
                    "style",
                    "subject",
                    "group",
                    "subgroup",
                    "licence",
                    "key");

    /** A row of a picture that was not composed. */
    public SampleInfo(
            String key,
            String caption,
            String name,
            String style,
            String subject,
            String provider,
            String licence,
            String group,
            String subgroup,
            String domain,
            String split,
            String sha256) {
        this(
                key, caption, name, style, subject, provider, licence, group, subgroup, domain,
                split, sha256, "");
    }

    /** Checks the parts a reader relies on. */
    public SampleInfo {
        if (!key.matches("[A-Za-z0-9._-]+")) {
            throw new SoupException(
                    "row key \"" + key + "\" may hold only letters, digits, '-', '_' and '.'");
        }
        if (caption.isBlank()) {
            throw new SoupException(
                    "row " + key + " has an empty caption; write what it shows, or leave it out");
        }
        if (!sha256.matches("[0-9a-f]{64}")) {
            throw new SoupException("row " + key + " has no sha256 of its image");
        }
        Split.parse(split);
    }

    /**
     * The same row with another picture.
     *
     * @param hash of the other image file's bytes, 64 lower-case hex digits
     */
    public SampleInfo withSha256(String hash) {
        return new SampleInfo(
                key, caption, name, style, subject, provider, licence, group, subgroup, domain,
                split, hash, scene);
    }

    /** The same row with its subject in words as the whole caption, and no word for its style. */
    public SampleInfo withoutStyle() {
        return new SampleInfo(
                key, name, name, "", subject, provider, licence, group, subgroup, domain, split,
                sha256, scene);
    }

    /**
     * A prompt in the form the captions start with: {@code "<style> <name>"}, or the caption where
     * a row has no name.
     */
    public String prompt() {
        List<String> words = new ArrayList<>();
        if (!style.isEmpty()) {
            words.add(style);
        }
        words.add(name);
        return name.isEmpty() ? caption : String.join(" ", words);
    }

    /** Whether a model may be trained on this row. */
    public boolean isTrain() {
        return Split.parse(split) == Split.TRAIN;
    }

    /** The field a view can filter on, by its name, which is one of {@link #FIELDS}. */
    public String field(String field) {
        return switch (field) {
            case "provider" -> provider;
            case "domain" -> domain;
            case "split" -> split;
            case "style" -> style;
            case "subject" -> subject;
            case "group" -> group;
            case "subgroup" -> subgroup;
            case "licence" -> licence;
            case "key" -> key;
            default ->
                    throw new SoupException(
                            "a view cannot filter on \""
                                    + field
                                    + "\"; use one of "
                                    + String.join(", ", FIELDS));
        };
    }
}
