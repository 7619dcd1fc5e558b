package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * What a folder is, by the files that tell its kind: for whoever was given another kind than it
 * takes, so that a sentence says what was named instead of which file it lacks.
 */
public enum FolderKind {
    /** A pipeline in diffusers layout. */
    MODEL("a text-to-image model"),
    DATA_SET("a data set, whose pictures 'soup data list' shows"),
    DRAWINGS("a folder of drawings that scenes are composed of, which 'soup data drawings' shows"),
    CLIP("a CLIP, which judges pictures"),
    /** With its configuration as the published checkpoints have it. */
    BLIP("a BLIP, which judges pictures"),
    CLASSIFIER("a classifier of shards"),
    PICTURES("a folder of pictures");

    private final String words;

    FolderKind(String words) {
        this.words = words;
    }

    /** The kind of a folder; empty for what is no folder, or none of these. */
    public static Optional<FolderKind> of(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        if (has(folder, "model_index.json")) {
            return Optional.of(MODEL);
        }
        if (has(folder, "dataset.json")) {
            return Optional.of(DATA_SET);
        }
        if (has(folder, "drawings.json")) {
            return Optional.of(DRAWINGS);
        }
        if (has(folder, "config.json")) {
            return configured(folder.resolve("config.json"));
        }
        if (has(folder, "med_config.json") || has(folder, "vit_config.json")) {
            return Optional.of(BLIP);
        }
        return holdsPictures(folder) ? Optional.of(PICTURES) : Optional.empty();
    }

    private static Optional<FolderKind> configured(Path file) {
        JsonObject config;
        try {
            config = JsonValue.readObject(file);
        } catch (SoupException e) {
            return Optional.empty(); // whoever needs it says what is wrong with it
        }
        String type = config.string("model_type").orElse("");
        String made = config.string("_class_name").orElse("");
        return type.equals("clip")
                ? Optional.of(CLIP)
                : type.startsWith("blip")
                        ? Optional.of(BLIP)
                        : made.equals("ShardClassifier")
                                ? Optional.of(CLASSIFIER)
                                : Optional.empty();
    }

    private static boolean has(Path folder, String file) {
        return Files.isRegularFile(folder.resolve(file));
    }

    private static boolean holdsPictures(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(f ->
                    f.getFileName()
                            .toString()
                            .toLowerCase(Locale.ROOT)
                            .matches("(?s).*\\.(png|jpe?g|gif|bmp|tiff?|webp)"));
        } catch (IOException e) {
            return false; // nor will whoever needs it be able to read it
        }
    }

    /** In a few words with an article. */
    public String words() {
        return words;
    }

    /** The same of a folder, as a clause behind a refusal; empty where its kind is not known. */
    public static String clause(Path folder) {
        return of(folder).map(k -> "; it is " + k.words).orElse("");
    }
}
