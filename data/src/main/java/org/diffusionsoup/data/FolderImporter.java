package org.diffusionsoup.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.PictureDecoder;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/**
 * Makes a shard of a folder of pictures and captions. Captions come from {@code NAME.txt} or {@code
 * NAME.caption} beside {@code NAME.png} (or .jpg, .jpeg, .gif, .bmp, .tif), or from a {@code
 * metadata.jsonl} or {@code metadata.csv} in its folder or one above it with the columns {@code
 * file_name} and {@code text} (or {@code caption}), as Hugging Face's imagefolder has it; an
 * optional column {@code split} says {@code train} or {@code heldout} (other words of Hugging Face,
 * such as {@code val} and {@code test}, mean that too) and goes before {@link
 * ImportOptions#holdOut}. Of pictures with several frames or pages the first is taken, as PIL does.
 */
public final class FolderImporter {
    private record Row(String key, FolderRow from, Split split) {}

    /** What a picture in a folder says of itself. */
    private static final SampleInfo NOTHING =
            new SampleInfo(
                    "x",
                    "x",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    Domains.OTHER,
                    Split.TRAIN.word(),
                    "0".repeat(64),
                    "");

    private FolderImporter() {}

    /**
     * Imports a folder, or the rows of a tar in WebDataset form.
     *
     * @param from a folder, searched with its subfolders, linked ones too, except those whose names
     *     start with '.'; or a tar
     * @param out the tar to write; a file there is replaced
     * @param options provider, licence and size
     * @param progress told after every picture
     * @return the shard that was written
     * @throws SoupException naming the files or rows if a caption has no image, images no caption,
     *     an image cannot be decoded, or there are zero rows; nothing is written then
     */
    public static Shard importFolder(
            Path from, Path out, ImportOptions options, ProgressListener progress) {
        if (Files.isRegularFile(from) && mayBeTar(from)) {
            return importTar(from, out, options, progress);
        }
        if (!Files.isDirectory(from)) {
            throw new SoupException(
                    from + " is not a folder or tar; give a folder of pictures or a .tar");
        }
        List<FolderRow> found = FolderRows.read(from);
        if (found.isEmpty()) {
            throw new SoupException(
                    from
                            + " has zero rows: it holds no picture with a caption"
                            + FolderTars.clause(from));
        }
        List<Row> rows = withKeys(from, found, options);
        ShardWriter.write(
                out,
                rows.stream().map(Row::key).toList(),
                i -> {
                    Row row = rows.get(i);
                    Path file = row.from().image();
                    RgbImage image = decoded(file);
                    Sample sample =
                            sample(
                                    row.key(),
                                    row.from().caption(),
                                    NOTHING,
                                    row.split(),
                                    image,
                                    options);
                    progress.progress("import", i + 1L, rows.size());
                    return sample;
                });
        return Shard.open(out);
    }

    /** By its name or, under another name, by the mark that tars carry since 1988. */
    private static boolean mayBeTar(Path file) {
        if (FolderTars.isNamedSo(file)) {
            return true;
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] start = in.readNBytes(TarFile.BLOCK);
            return start.length == TarFile.BLOCK
                    && new String(start, 257, 5, StandardCharsets.ISO_8859_1).equals("ustar");
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Tars in a folder and below it, which {@link #importFolder} passes over: a shard is imported
     * by itself.
     *
     * @param from what is imported; a tar has none
     * @param out the tar that is written, which may lie there itself
     */
    public static List<Path> tarsIn(Path from, Path out) {
        return Files.isDirectory(from) ? FolderTars.below(from, out) : List.of();
    }

    private static Shard importTar(
            Path from, Path out, ImportOptions options, ProgressListener progress) {
        Shard shard = Shard.open(from);
        boolean compare =
                options.holdOut()
                        .needsPictures(shard.infos().stream().anyMatch(row -> !row.isTrain()));
        List<HoldOut.Row> sided = new ArrayList<>();
        for (int i = 0; i < shard.size(); i++) {
            SampleInfo info = shard.infos().get(i);
            String where = "the image of row %s of %s".formatted(info.key(), from);
            sided.add(
                    new HoldOut.Row(
                            info.caption(),
                            compare ? picture(PngCodec.decode(shard.get(i).png(), where)) : "",
                            info.isTrain() ? Optional.empty() : Optional.of(Split.HELDOUT)));
        }
        List<Split> sides = options.holdOut().sides(sided);
        String prefix = plain(options.provider()) + "_";
        ShardWriter.write(
                out,
                shard.infos().stream().map(info -> prefix + info.key()).toList(),
                i -> {
                    Sample row = shard.get(i);
                    String where = "row %s of %s".formatted(row.key(), from);
                    new FolderRow.Stated(row.info().provider(), row.info().licence())
                            .check(options, where);
                    RgbImage image = PngCodec.decode(row.png(), "the image of " + where);
                    Sample sample =
                            sample(
                                    prefix + row.key(),
                                    row.caption().replaceAll("\\s+", " "),
                                    row.info(),
                                    sides.get(i),
                                    image,
                                    options);
                    progress.progress("import", i + 1L, shard.size());
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
                throw new SoupException(
                        row.where()
                                + " names "
                                + path
                                + " a second time; a picture has one row, so take the other out");
            }
        }
        Map<String, Split> stated = splits(byPath);
        Map<String, Split> sides = sides(byPath, stated, options.holdOut());
        String prefix = plain(options.provider()) + "_";
        byPath.forEach((path, row) -> {
            row.stated().check(options, row.where());
            int dot = path.lastIndexOf('.');
            String stem = prefix + plain(dot > 0 ? path.substring(0, dot) : path);
            stem = stem.length() > 80 ? stem.substring(0, 80) : stem;
            String key = stem;
            for (int n = 2; !taken.add(key); n++) {
                key = stem + "-" + n;
            }
            rows.add(new Row(key, row, Objects.requireNonNull(sides.get(path))));
        });
        rows.sort(Comparator.comparing(Row::key));
        return rows;
    }

    private static Map<String, Split> sides(
            TreeMap<String, FolderRow> byPath, Map<String, Split> stated, HoldOut holdOut) {
        boolean compare = holdOut.needsPictures(!stated.isEmpty());
        List<HoldOut.Row> rows = new ArrayList<>();
        byPath.forEach((path, row) ->
                rows.add(
                        new HoldOut.Row(
                                row.caption(),
                                compare ? picture(decoded(row.image())) : "",
                                Optional.ofNullable(stated.get(path)))));
        List<Split> sides = holdOut.sides(rows);
        Map<String, Split> byName = new HashMap<>();
        byPath.keySet().forEach(path -> byName.put(path, sides.get(byName.size())));
        return byName;
    }

    /** The same for equal pictures, in whatever format they are stored. */
    private static String picture(RgbImage image) {
        return image.width() + "x" + image.height() + " " + Hashes.sha256Hex(image.pixels());
    }

    private static RgbImage decoded(Path file) {
        try {
            return PngCodec.decode(Files.readAllBytes(file), "picture " + file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Which side rows are on, where the metadata says so or, as in Hugging Face's imagefolder, all
     * pictures lie in folders called as splits are, such as {@code train}, {@code val} and {@code
     * test}. Without one for training such a name may be a subject's.
     */
    private static Map<String, Split> splits(TreeMap<String, FolderRow> byPath) {
        Set<Optional<Split>> folders =
                byPath.keySet().stream().map(FolderImporter::ofFolder).collect(Collectors.toSet());
        boolean inSplits =
                folders.contains(Optional.of(Split.TRAIN)) && !folders.contains(Optional.empty());
        Map<String, Split> splits = new HashMap<>();
        byPath.forEach((path, row) -> {
            Optional<Split> folder = inSplits ? ofFolder(path) : Optional.empty();
            row.split().or(() -> folder).ifPresent(split -> splits.put(path, split));
        });
        return splits;
    }

    /** What the uppermost folder of a picture says. */
    private static Optional<Split> ofFolder(String path) {
        return Split.known(path.substring(0, Math.max(0, path.indexOf('/'))));
    }

    /**
     * Letters, digits, '-' and '_' stay, letters with marks without them; WebDataset takes a dot
     * for the end of a key.
     */
    private static String plain(String text) {
        String letters =
                Normalizer.normalize(text.replace("ß", "ss"), Normalizer.Form.NFKD)
                        .replaceAll("\\p{M}+", "");
        String plain = letters.replace('/', '_').replaceAll("[^A-Za-z0-9_-]+", "-");
        return plain.isEmpty() ? "x" : plain;
    }

    private static Sample sample(
            String key,
            String caption,
            SampleInfo from,
            Split split,
            RgbImage whole,
            ImportOptions options) {
        RgbImage image = whole;
        if (options.size().isPresent()) {
            int side = options.size().getAsInt();
            long longer = Math.max(image.width(), image.height());
            if (options.fit() == ImportOptions.Fit.PAD
                    && longer * longer > PictureDecoder.MOST_PIXELS) {
                throw new SoupException(
                        "the picture of row %s has %d x %d pixels, too long to be padded to a square; crop it"
                                .formatted(key, image.width(), image.height()));
            }
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
                        key,
                        caption,
                        from.name(),
                        from.style(),
                        from.subject(),
                        options.provider(),
                        options.licence(),
                        from.group(),
                        from.subgroup(),
                        options.domain().equals(Domains.OTHER) ? from.domain() : options.domain(),
                        split.word(),
                        Hashes.sha256Hex(png),
                        // Where the things of a scene are holds for the whole picture only.
                        options.size().isEmpty() ? from.scene() : ""),
                png);
    }

    static boolean isPicture(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        // WebP, AVIF and HEIC cannot be decoded here; they are named in an error, not passed over.
        return name.matches(
                "(?s).*\\.(png|jpg|jpeg|jpe|jfif|gif|bmp|tif|tiff|webp|avif|heic|heif|jxl)");
    }
}
