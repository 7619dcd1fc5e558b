package org.diffusionsoup.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * Makes a shard of a folder of pictures and captions. Captions come from {@code NAME.txt} beside
 * {@code NAME.png} (or .jpg, .jpeg, .gif, .bmp), or from a {@code metadata.jsonl} or {@code
 * metadata.csv} in the folder with the columns {@code file_name} and {@code text} (or {@code
 * caption}), as Hugging Face's imagefolder has it; an optional column {@code split} says {@code
 * train} or {@code heldout} and goes before {@link ImportOptions#holdOut}.
 */
public final class FolderImporter {
    private record Row(String key, FolderRow from) {}

    private FolderImporter() {}

    /**
     * Imports a folder.
     *
     * @param folder searched with its subfolders; files whose names start with '.' are passed over
     * @param out the tar to write; a file there is replaced
     * @param options provider, licence and size
     * @param progress told after every picture
     * @return the shard that was written
     * @throws SoupException naming the file or row if a caption has no image, an image no caption,
     *     an image cannot be decoded, or there are zero rows; nothing is written then
     */
    public static Shard importFolder(
            Path folder, Path out, ImportOptions options, ProgressListener progress) {
        if (!Files.isDirectory(folder)) {
            throw new SoupException(folder + " is not a folder; give a folder of pictures");
        }
        List<FolderRow> found = FolderRows.read(folder);
        if (found.isEmpty()) {
            throw new SoupException(folder + " has zero rows: it holds no picture with a caption");
        }
        List<Row> rows = withKeys(folder, found, options);
        ShardWriter.write(
                out,
                rows.stream().map(Row::key).toList(),
                i -> {
                    Sample sample = sample(rows.get(i), options);
                    progress.progress("import", i + 1L, rows.size());
                    return sample;
                });
        return Shard.open(out);
    }

    private static List<Row> withKeys(Path folder, List<FolderRow> found, ImportOptions options) {
        Set<String> taken = new HashSet<>();
        List<Row> rows = new ArrayList<>();
        // Sorted by path, so that the numbers told apart by '-2' do not hang on listing order.
        TreeMap<String, FolderRow> byPath = new TreeMap<>();
        for (FolderRow row : found) {
            String path = folder.relativize(row.image()).toString().replace('\\', '/');
            if (byPath.put(path, row) != null) {
                throw new SoupException(row.where() + " names " + path + " a second time");
            }
        }
        String prefix = plain(options.provider()) + "_";
        byPath.forEach((path, row) -> {
            int dot = path.lastIndexOf('.');
            String stem = prefix + plain(dot > 0 ? path.substring(0, dot) : path);
            stem = stem.length() > 80 ? stem.substring(0, 80) : stem;
            String key = stem;
            for (int n = 2; !taken.add(key); n++) {
                key = stem + "-" + n;
            }
            rows.add(new Row(key, row));
        });
        rows.sort(Comparator.comparing(Row::key));
        return rows;
    }

    /** Letters, digits, '-' and '_' stay; WebDataset takes a dot for the end of a key. */
    private static String plain(String text) {
        String plain = text.replace('/', '_').replaceAll("[^A-Za-z0-9_-]+", "-");
        return plain.isEmpty() ? "x" : plain;
    }

    private static Sample sample(Row row, ImportOptions options) {
        Path file = row.from().image();
        RgbImage image;
        try {
            image = PngCodec.decode(Files.readAllBytes(file), "picture " + file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        if (options.size().isPresent()) {
            int side = options.size().getAsInt();
            RgbImage square =
                    switch (options.fit()) {
                        case CROP -> image.centreSquare();
                        case PAD -> image.paddedToSquare();
                    };
            image = square.resized(side, side);
        }
        byte[] png = PngCodec.encode(image);
        return new Sample(
                new SampleInfo(
                        row.key(),
                        row.from().caption(),
                        "",
                        "",
                        "",
                        options.provider(),
                        options.licence(),
                        "",
                        "",
                        options.domain(),
                        row.from()
                                .split()
                                .orElseGet(() -> options.holdOut().split(row.from().caption()))
                                .word(),
                        Hashes.sha256Hex(png)),
                png);
    }

    static boolean isPicture(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        // The last four cannot be decoded here; they are named in an error, not passed over.
        return name.matches(".*\\.(png|jpg|jpeg|gif|bmp|webp|tif|tiff|avif)");
    }
}
