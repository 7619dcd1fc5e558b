package org.diffusionsoup.data.scene;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.RowDigest;
import org.diffusionsoup.data.TarFile;
import org.diffusionsoup.image.PngCodec;

/** A folder of drawings, all in memory: one tar per provider and an index. */
public final class Drawings {
    /** Name of the index inside the folder. */
    public static final String INDEX = "drawings.json";

    /** A folder of drawings as an output. */
    public static final OutputKind KIND = OutputKind.folderWith("a folder of drawings", INDEX);

    static final String FORMAT = "diffusion-soup-drawings/1";

    private final List<Drawing> all;
    private final Map<String, List<Drawing>> bySubject = new HashMap<>();
    private final String sha256;

    private Drawings(List<DrawingRow> rows) {
        all = rows.stream().map(DrawingRow::drawing).toList();
        for (Drawing drawing : all) {
            bySubject.computeIfAbsent(drawing.subject(), s -> new ArrayList<>()).add(drawing);
        }
        sha256 = sha256(rows);
    }

    /**
     * Reads a folder and checks all of it against its index.
     *
     * @param folder such as {@code shards/drawings}
     * @throws SoupException if the index or a tar is missing or damaged, or not the one that the
     *     index was written for
     */
    public static Drawings load(Path folder) {
        return load(folder, ProgressListener.NONE);
    }

    /** The same, and tells of every drawing. */
    public static Drawings load(Path folder, ProgressListener listener) {
        Path index = folder.resolve(INDEX);
        JsonNode root = index(folder);
        long total = root.path("rows").asLong();
        List<DrawingRow> rows = new ArrayList<>();
        for (JsonNode node : root.path("providers")) {
            Path file = folder.resolve(node.path("file").asText());
            if (!Files.isRegularFile(file)) {
                throw new SoupException(
                        file
                                + " is missing, which "
                                + index
                                + " lists; restore it or build the"
                                + " drawings again with soup data build-drawings");
            }
            if (!Hashes.sha256(file).equals(node.path("file_sha256").asText())) {
                throw new SoupException(
                        file
                                + " is damaged or not the file that "
                                + index
                                + " lists: its sha256"
                                + " differs; restore it or build the drawings again with soup data"
                                + " build-drawings");
            }
            for (DrawingRow row : read(file)) {
                rows.add(row);
                listener.progress("read drawings", rows.size(), total);
            }
        }
        rows.sort(Comparator.comparing(row -> row.drawing().key()));
        for (int i = 1; i < rows.size(); i++) {
            String key = rows.get(i).drawing().key();
            if (key.equals(rows.get(i - 1).drawing().key())) {
                throw new SoupException(folder + " holds two drawings with the key " + key);
            }
        }
        Drawings drawings = new Drawings(rows);
        if (!drawings.sha256().equals(root.path("sha256").asText())) {
            throw new SoupException(
                    index + " is damaged: the drawings it lists do not have the sha256 it states");
        }
        return drawings;
    }

    private static JsonNode index(Path folder) {
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new SoupException(folder + " is not a folder of drawings: it holds no " + INDEX);
        }
        JsonNode root;
        try {
            root = JsonMappers.PLAIN.readTree(index.toFile());
        } catch (IOException e) {
            throw new SoupException(index + " is not valid JSON", e);
        }
        String format = root.path("format").asText();
        if (!format.equals(FORMAT)) {
            throw new SoupException(
                    "%s has the format \"%s\", this version reads \"%s\""
                            .formatted(index, format, FORMAT));
        }
        if (root.path("providers").isEmpty()) {
            throw new SoupException(index + " lists no drawings");
        }
        return root;
    }

    private static List<DrawingRow> read(Path tar) {
        Map<String, byte[]> files = new TreeMap<>();
        TarFile.forEach(
                tar, (file, entry) -> files.put(entry.name(), TarFile.read(file, tar, entry)));
        List<DrawingRow> rows = new ArrayList<>();
        files.forEach((name, bytes) -> {
            if (!name.endsWith(".json")) {
                return;
            }
            String key = name.substring(0, name.length() - ".json".length());
            String where = "drawing " + key + " of " + tar;
            byte[] png = files.getOrDefault(key + ".png", new byte[0]);
            JsonNode node;
            try {
                node = JsonMappers.PLAIN.readTree(bytes);
            } catch (IOException e) {
                throw new SoupException(where + " has a .json that is not valid", e);
            }
            if (!Hashes.sha256Hex(png).equals(node.path("sha256").asText())) {
                throw new SoupException(
                        where + " is damaged: its picture's sha256 is not the one stated");
            }
            rows.add(DrawingRow.read(key, node, image(png, where), png));
        });
        return rows;
    }

    private static ArgbImage image(byte[] png, String where) {
        BufferedImage image = PngCodec.read(png, where);
        int side = Drawing.SIDE;
        if (image.getWidth() != side || image.getHeight() != side) {
            throw new SoupException(
                    "%s is %dx%d pixels, not %dx%d"
                            .formatted(where, image.getWidth(), image.getHeight(), side, side));
        }
        return new ArgbImage(side, side, image.getRGB(0, 0, side, side, null, 0, side));
    }

    /** All drawings, sorted by key. */
    public List<Drawing> all() {
        return all;
    }

    /**
     * The drawings of one subject, sorted by key.
     *
     * @param subject a {@link Subject}'s name
     * @return empty if there is none
     */
    public List<Drawing> of(String subject) {
        return List.copyOf(bySubject.getOrDefault(subject, List.of()));
    }

    /** The identity of the rows: sha256 over every field and picture in key order. */
    public String sha256() {
        return sha256;
    }

    /** As {@link #sha256()}, of rows in key order. */
    static String sha256(List<DrawingRow> rows) {
        RowDigest digest = new RowDigest();
        rows.forEach(row -> digest.add(row.fields()));
        return digest.sha256();
    }
}
