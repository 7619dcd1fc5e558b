package org.diffusionsoup.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.jspecify.annotations.Nullable;

/** The files of one row inside a tar in WebDataset form. */
final class RowFiles {
    /**
     * What a file's name says.
     *
     * @param key of the row; empty if the file belongs to none
     * @param kind {@code png} for every picture, otherwise the lower-case extension
     */
    record Part(String key, String kind) {}

    /** A row that was read, and where its picture is. */
    record Found(Sample sample, TarFile.Entry image) {}

    /** Kinds of pictures; those that cannot be decoded are named when they are. */
    private static final Set<String> PICTURES =
            Set.of(
                    "png", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "webp", "tif", "tiff",
                    "avif");

    /** More than any caption or its metadata needs. */
    private static final int MOST_TEXT = 16 << 20;

    private RowFiles() {}

    /**
     * Splits a name as WebDataset does: the key is everything up to the first dot of the file's own
     * name, its folder included; what follows is the kind. Files that systems leave behind, whose
     * names start with a dot or lie in {@code __MACOSX}, belong to no row.
     */
    static Part part(String entryName) {
        String name = entryName.startsWith("./") ? entryName.substring(2) : entryName;
        int file = name.lastIndexOf('/') + 1;
        int dot = name.indexOf('.', file);
        if (dot <= file || name.startsWith("__MACOSX/")) {
            return new Part("", "");
        }
        String kind = name.substring(dot + 1).toLowerCase(Locale.ROOT);
        return new Part(
                name.substring(0, dot),
                PICTURES.contains(kind) ? "png" : kind.equals("caption") ? "txt" : kind);
    }

    /** A caption without the line breaks and double spaces that text files have. */
    static String oneLine(String caption) {
        return caption.strip().replaceAll("\\s+", " ");
    }

    /** A kind as a person calls it. */
    static String kindName(String kind) {
        return kind.equals("png") ? "picture" : kind.equals("txt") ? "caption" : "." + kind;
    }

    /**
     * The name of a row in letters, digits, '-' and '_', whatever its files are called: folders are
     * joined by '_', other characters written as their number; what is too long ends in its hash.
     */
    static String plainKey(String key) {
        if (key.matches("[A-Za-z0-9_-]{1,80}")) {
            return key;
        }
        StringBuilder plain = new StringBuilder();
        key.codePoints()
                .forEach(c -> {
                    if (c < 128 && (Character.isLetterOrDigit(c) || c == '-' || c == '_')) {
                        plain.append((char) c);
                    } else if (c == '/') {
                        plain.append('_');
                    } else {
                        plain.append('u').append(Integer.toHexString(c));
                    }
                });
        if (plain.length() > 80) {
            String hash = Hashes.sha256Hex(key.getBytes(StandardCharsets.UTF_8));
            return plain.substring(0, 60) + "-" + hash.substring(0, 16);
        }
        return plain.toString();
    }

    /**
     * Reads a row and checks its picture's hash.
     *
     * @param parts kind to entry
     * @throws SoupException if it lacks its image or its caption, or is damaged
     */
    static Found read(
            Path path, RandomAccessFile file, String key, Map<String, TarFile.Entry> parts)
            throws IOException {
        String where = "row " + key + " of shard " + path;
        TarFile.Entry image = parts.get("png");
        if (image == null) {
            String has =
                    parts.containsKey("json") || parts.containsKey("txt")
                            ? "a caption"
                            : parts.keySet().stream()
                                    .sorted()
                                    .limit(5)
                                    .map(k -> "." + k)
                                    .collect(Collectors.joining(", "));
            throw new SoupException("%s has %s but no image (.png or .jpg)".formatted(where, has));
        }
        String json = text(path, file, parts.get("json"), where);
        String text = text(path, file, parts.get("txt"), where);
        byte[] picture = TarFile.read(file, path, image);
        SampleInfo info = SampleJson.read(key, json, text, Hashes.sha256Hex(picture), where);
        return new Found(new Sample(info, picture, "shard " + path), image);
    }

    private static String text(
            Path path, RandomAccessFile file, TarFile.@Nullable Entry entry, String where)
            throws IOException {
        if (entry == null) {
            return "";
        }
        if (entry.size() > MOST_TEXT) {
            throw new SoupException(
                    "%s has a text of %d bytes in %s; at most %d are read"
                            .formatted(where, entry.size(), entry.name(), MOST_TEXT));
        }
        return Utf8Text.decode(TarFile.read(file, path, entry), entry.name() + " in shard " + path);
    }
}
