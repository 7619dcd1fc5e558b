package org.diffusionsoup.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/** Pairs the pictures of a folder with their captions, or says which one is without. */
final class FolderRows {
    private FolderRows() {}

    /** The two forms of metadata, as Hugging Face's imagefolder has them. */
    private static final List<String> METADATA = List.of("metadata.jsonl", "metadata.csv");

    static List<FolderRow> read(Path folder) {
        List<Path> files = files(folder);
        Map<Path, Path> metadata = new HashMap<>();
        List<FolderRow> rows = new ArrayList<>();
        for (Path file : files) {
            String name = file.getFileName().toString();
            Path parent = file.resolveSibling("");
            if (name.equals("metadata.parquet")) {
                throw new SoupException(
                        file + " is not read; write the same columns into a metadata.jsonl");
            }
            if (!METADATA.contains(name)) {
                continue;
            }
            if (metadata.put(parent.normalize(), file) != null) {
                throw new SoupException(
                        parent + " holds both metadata.jsonl and metadata.csv; keep one of them");
            }
            rows.addAll(name.endsWith(".csv") ? fromCsv(parent, file) : fromJsonl(parent, file));
        }
        Map<Path, FolderRow> named = new HashMap<>();
        Set<Path> stems = new HashSet<>();
        for (FolderRow row : rows) {
            named.put(row.image(), row);
            stems.add(row.image().resolveSibling(stem(row.image())));
        }
        List<Path> left = new ArrayList<>();
        Map<Path, List<String>> missing = new LinkedHashMap<>();
        for (Path file : files) {
            Optional<Path> above = metadata.isEmpty() ? Optional.empty() : above(file, metadata);
            if (above.isEmpty()) {
                left.add(file);
            } else if (isCaption(file)
                    && stems.contains(file.normalize().resolveSibling(stem(file)))) {
                checkSame(file, named);
            } else if (FolderImporter.isPicture(file) && !named.containsKey(file.normalize())) {
                // A picture that the metadata passes over would silently be missing.
                missing.computeIfAbsent(above.get(), k -> new ArrayList<>())
                        .add(folder.relativize(file).toString());
            }
        }
        missing.forEach((file, pictures) -> {
            throw new SoupException(
                    "%s has no caption: %s has no row for %s"
                            .formatted(
                                    Names.of("picture", pictures),
                                    file,
                                    pictures.size() == 1 ? "it" : "them"));
        });
        rows.addAll(fromTextFiles(folder, left));
        return rows;
    }

    /** A caption file beside a picture that the metadata has a row for; often both are written. */
    private static void checkSame(Path caption, Map<Path, FolderRow> named) {
        Path stem = caption.normalize().resolveSibling(stem(caption));
        String text = RowFiles.oneLine(text(caption));
        named.forEach((image, row) -> {
            if (image.resolveSibling(stem(image)).equals(stem) && !row.caption().equals(text)) {
                throw new SoupException(
                        "picture %s has two captions, that of %s and that of %s; keep one"
                                .formatted(image, row.where(), caption.getFileName()));
            }
        });
    }

    /** The metadata file of the nearest folder that has one. */
    private static Optional<Path> above(Path file, Map<Path, Path> metadata) {
        for (Path at = file.normalize().getParent(); at != null; at = at.getParent()) {
            if (metadata.containsKey(at)) {
                return Optional.ofNullable(metadata.get(at));
            }
        }
        return Optional.ofNullable(metadata.get(Path.of("")));
    }

    private static List<FolderRow> fromTextFiles(Path folder, List<Path> files) {
        Map<Path, List<Path>> texts = new HashMap<>();
        for (Path file : files) {
            if (isCaption(file)) {
                texts.computeIfAbsent(file.resolveSibling(stem(file)), k -> new ArrayList<>())
                        .add(file);
            }
        }
        Map<Path, Path> captioned = new HashMap<>();
        List<FolderRow> rows = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (Path file : files) {
            if (!FolderImporter.isPicture(file)) {
                continue;
            }
            List<Path> found = texts.getOrDefault(file.resolveSibling(stem(file)), List.of());
            if (found.isEmpty()) {
                missing.add(file.toString());
                continue;
            }
            Path text = found.getFirst();
            if (found.size() > 1) {
                throw new SoupException(
                        "picture %s has two captions: %s and %s; keep one"
                                .formatted(file, text.getFileName(), found.get(1).getFileName()));
            }
            Path other = captioned.put(text, file);
            if (other != null) {
                throw new SoupException(
                        "caption %s belongs to two pictures: %s and %s"
                                .formatted(text, other.getFileName(), file.getFileName()));
            }
            rows.add(row(file, text(text), "", FolderRow.Stated.NOTHING, "caption " + text));
        }
        if (!missing.isEmpty()) {
            Path first = Path.of(missing.getFirst());
            throw new SoupException(
                    missing.size() == 1
                            ? "picture %s has no caption; write one into %s.txt"
                                    .formatted(first, stem(first))
                            : "%s in %s have no caption; write one into NAME.txt beside each"
                                    .formatted(Names.of("picture", missing), folder));
        }
        for (Path file : files) {
            if (isCaption(file) && !captioned.containsKey(file)) {
                throw new SoupException(
                        "caption %s has no picture: there is no %s.png or .jpg beside it"
                                .formatted(file, stem(file)));
            }
        }
        return rows;
    }

    private static boolean isCaption(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".txt") || name.endsWith(".caption");
    }

    private static List<FolderRow> fromJsonl(Path folder, Path jsonl) {
        List<FolderRow> rows = new ArrayList<>();
        int number = 0;
        for (String line : text(jsonl).split("\n")) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            String where = jsonl + " line " + number;
            Map<String, String> fields = new HashMap<>();
            RowJson.read(line, where)
                    .properties()
                    .forEach(e -> fields.put(e.getKey(), e.getValue().asText("")));
            rows.add(row(folder, fields, where));
        }
        return rows;
    }

    private static List<FolderRow> fromCsv(Path folder, Path csv) {
        List<Csv.Record> records = Csv.parse(text(csv), csv.toString());
        List<FolderRow> rows = new ArrayList<>();
        if (records.isEmpty()) {
            return rows;
        }
        List<String> header = records.getFirst().fields().stream().map(String::strip).toList();
        if (Set.copyOf(header).size() < header.size()) {
            throw new SoupException(csv + " names a column twice; keep one");
        }
        if (header.size() == 1 && header.getFirst().matches("(?s).*[;\t|].*")) {
            throw new SoupException(
                    csv + " does not separate its columns by commas; save it with commas");
        }
        for (Csv.Record record : records.subList(1, records.size())) {
            String where = csv + " line " + record.line();
            if (record.fields().size() != header.size()) {
                throw new SoupException(
                        "%s has %d fields, the header has %d"
                                .formatted(where, record.fields().size(), header.size()));
            }
            Map<String, String> fields = new HashMap<>();
            for (int i = 0; i < header.size(); i++) {
                fields.put(header.get(i), record.fields().get(i));
            }
            rows.add(row(folder, fields, where));
        }
        return rows;
    }

    private static FolderRow row(Path folder, Map<String, String> fields, String where) {
        String name = fields.getOrDefault("file_name", "").strip();
        if (name.isEmpty()) {
            throw new SoupException(
                    where
                            + " has no file_name; write the picture's path there, from the folder that is"
                            + " imported");
        }
        Path image;
        try {
            image = folder.resolve(name).normalize();
        } catch (InvalidPathException e) {
            throw new SoupException(
                    where + " has a file_name that is no path; write that of its picture", e);
        }
        if (!image.startsWith(folder.normalize())) {
            throw new SoupException(
                    "%s names %s, which is outside the folder; move the picture into %s and name it by its path from there"
                            .formatted(where, name, folder));
        }
        if (!Files.isRegularFile(image)) {
            throw new SoupException(
                    "%s has a caption without its image: %s does not exist; put it there, or take the row out"
                            .formatted(where, name));
        }
        String text = fields.getOrDefault("text", "");
        String caption = fields.getOrDefault("caption", "");
        if (!text.isBlank()
                && !caption.isBlank()
                && !RowFiles.oneLine(text).equals(RowFiles.oneLine(caption))) {
            throw new SoupException(
                    where + " has two captions, in text and in caption; keep one of the two");
        }
        return row(
                image,
                text.isBlank() ? caption : text,
                fields.getOrDefault("split", ""),
                new FolderRow.Stated(
                        fields.getOrDefault("provider", ""),
                        FolderRow.Stated.licence(fields, where)),
                where);
    }

    private static FolderRow row(
            Path image, String caption, String split, FolderRow.Stated stated, String where) {
        String oneLine = RowFiles.oneLine(caption);
        if (oneLine.isEmpty()) {
            throw new SoupException(
                    where
                            + " has no text for the picture "
                            + image.getFileName()
                            + "; write there what it shows, or leave the picture out");
        }
        Optional<Split> meant =
                split.isBlank() ? Optional.empty() : Optional.of(Split.meant(split, where));
        return new FolderRow(image, oneLine, meant, stated, where);
    }

    /** Linked folders are followed: a picture behind one would silently be missing. */
    static List<Path> files(Path folder) {
        try (Stream<Path> walk = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> files =
                    walk.filter(f -> !Files.isDirectory(f))
                            .filter(f -> !isHidden(folder.relativize(f)))
                            .sorted()
                            .toList();
            for (Path file : files) {
                if (!Files.exists(file) && (FolderImporter.isPicture(file) || isCaption(file))) {
                    throw new SoupException(
                            file + " is a link to a file that is not there; restore or delete it");
                }
            }
            return files.stream().filter(Files::isRegularFile).toList();
        } catch (UncheckedIOException e) {
            IOException cause = Objects.requireNonNull(e.getCause());
            if (cause instanceof FileSystemLoopException loop) {
                throw new SoupException(
                        loop.getFile() + " is a link back to a folder above it; delete it", e);
            }
            throw new SoupIoException("read", folder, cause);
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /** What systems and editors leave in folders: hidden files and folders, macOS's doubles. */
    private static boolean isHidden(Path inside) {
        for (Path part : inside) {
            if (part.toString().startsWith(".") || part.toString().equals("__MACOSX")) {
                return true;
            }
        }
        return false;
    }

    private static String text(Path file) {
        try {
            return Utf8Text.decode(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static String stem(Path file) {
        String name = file.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }
}
