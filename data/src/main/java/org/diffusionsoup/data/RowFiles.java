package org.diffusionsoup.data;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SoupException;

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

    private RowFiles() {}

    static Part part(String entryName) {
        String file = entryName.substring(entryName.lastIndexOf('/') + 1);
        int dot = file.lastIndexOf('.');
        if (dot <= 0) {
            return new Part("", "");
        }
        String kind = file.substring(dot + 1).toLowerCase(Locale.ROOT);
        return new Part(
                file.substring(0, dot), kind.equals("jpg") || kind.equals("jpeg") ? "png" : kind);
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
            throw new SoupException(where + " has a caption but no image (.png or .jpg)");
        }
        TarFile.Entry json = parts.get("json");
        TarFile.Entry text = parts.get("txt");
        byte[] picture = TarFile.read(file, path, image);
        SampleInfo info =
                SampleJson.read(
                        key,
                        json == null ? new byte[0] : TarFile.read(file, path, json),
                        text == null
                                ? ""
                                : new String(
                                        TarFile.read(file, path, text), StandardCharsets.UTF_8),
                        Hashes.sha256Hex(picture),
                        where);
        return new Found(new Sample(info, picture), image);
    }
}
