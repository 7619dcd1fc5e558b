package org.diffusionsoup.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/** Pairs the pictures of a folder with their captions, or says which one is without. */
final class FolderRows {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private FolderRows() {}

    static List<FolderRow> read(Path folder) {
        Path jsonl = folder.resolve("metadata.jsonl");
        Path csv = folder.resolve("metadata.csv");
        if (Files.exists(jsonl) && Files.exists(csv)) {
            throw new SoupException(
                    folder + " holds both metadata.jsonl and metadata.csv; keep one of them");
        }
        List<Path> files = files(folder);
        if (Files.exists(jsonl)) {
            return checked(folder, fromJsonl(folder, jsonl), files, jsonl);
        }
        if (Files.exists(csv)) {
            return checked(folder, fromCsv(folder, csv), files, csv);
        }
        return fromTextFiles(files);
    }

    private static List<FolderRow> fromTextFiles(List<Path> files) {
        Set<Path> present = new HashSet<>(files);
        Map<Path, Path> captioned = new HashMap<>();
        List<FolderRow> rows = new ArrayList<>();
        for (Path file : files) {
            if (!FolderImporter.isPicture(file)) {
                continue;
            }
            Path text = sibling(file, ".txt");
            if (!present.contains(text)) {
                throw new SoupException(
                        "picture %s has no caption; write one into %s"
                                .formatted(file, text.getFileName()));
            }
            Path other = captioned.put(text, file);
            if (other != null) {
                throw new SoupException(
                        "caption %s belongs to two pictures: %s and %s"
                                .formatted(text, other.getFileName(), file.getFileName()));
            }
            rows.add(row(file, text(text), "", "caption " + text));
        }
        for (Path file : files) {
            if (file.getFileName().toString().endsWith(".txt") && !captioned.containsKey(file)) {
                throw new SoupException(
                        "caption %s has no picture: there is no %s.png or .jpg beside it"
                                .formatted(file, stem(file)));
            }
        }
        return rows;
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
            try {
                JsonNode node = MAPPER.readTree(line);
                Map<String, String> fields = new HashMap<>();
                node.properties().forEach(e -> fields.put(e.getKey(), e.getValue().asText("")));
                rows.add(row(folder, fields, where));
            } catch (JsonProcessingException e) {
                throw new SoupException(where + " is not valid JSON", e);
            }
        }
        return rows;
    }

    private static List<FolderRow> fromCsv(Path folder, Path csv) {
        List<Csv.Record> records = Csv.parse(text(csv), csv.toString());
        List<FolderRow> rows = new ArrayList<>();
        if (records.isEmpty()) {
            return rows;
        }
        List<String> header = records.getFirst().fields();
        for (Csv.Record record : records.subList(1, records.size())) {
            String where = csv + " line " + record.line();
            if (record.fields().size() != header.size()) {
                throw new SoupException(
                        "%s has %d fields, the header has %d"
                                .formatted(where, record.fields().size(), header.size()));
            }
            Map<String, String> fields = new HashMap<>();
            for (int i = 0; i < header.size(); i++) {
                fields.put(header.get(i).strip(), record.fields().get(i));
            }
            rows.add(row(folder, fields, where));
        }
        return rows;
    }

    private static FolderRow row(Path folder, Map<String, String> fields, String where) {
        String name = fields.getOrDefault("file_name", "").strip();
        if (name.isEmpty()) {
            throw new SoupException(where + " has no file_name");
        }
        Path image = folder.resolve(name).normalize();
        if (!image.startsWith(folder.normalize())) {
            throw new SoupException(where + " names " + name + ", which is outside the folder");
        }
        if (!Files.isRegularFile(image)) {
            throw new SoupException(
                    where + " has a caption without its image: " + name + " does not exist");
        }
        String caption = fields.getOrDefault("text", fields.getOrDefault("caption", ""));
        return row(image, caption, fields.getOrDefault("split", ""), where);
    }

    private static FolderRow row(Path image, String caption, String split, String where) {
        String oneLine = caption.strip().replaceAll("\\s+", " ");
        if (oneLine.isEmpty()) {
            throw new SoupException(where + " has no text for the picture " + image.getFileName());
        }
        if (!split.isBlank() && !split.equals("train") && !split.equals("heldout")) {
            throw new SoupException(
                    where + " has the split \"" + split + "\"; use train or heldout");
        }
        return new FolderRow(
                image,
                oneLine,
                split.isBlank() ? Optional.empty() : Optional.of(Split.parse(split)),
                where);
    }

    /** A picture that the metadata passes over would silently be missing from the shard. */
    private static List<FolderRow> checked(
            Path folder, List<FolderRow> rows, List<Path> files, Path metadata) {
        Set<Path> named = new HashSet<>();
        rows.forEach(r -> named.add(r.image()));
        for (Path file : files) {
            if (FolderImporter.isPicture(file) && !named.contains(file.normalize())) {
                throw new SoupException(
                        "picture %s has no caption: %s has no row for it"
                                .formatted(folder.relativize(file), metadata));
            }
        }
        return rows;
    }

    private static List<Path> files(Path folder) {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(Files::isRegularFile)
                    .filter(f -> !f.getFileName().toString().startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    private static String text(Path file) {
        try {
            String text = Files.readString(file);
            // Editors on Windows put a byte order mark before the first column's name.
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new SoupException(file + " is not UTF-8 text; save it as UTF-8", e);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static String stem(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.lastIndexOf('.'));
    }

    private static Path sibling(Path file, String ending) {
        return file.resolveSibling(stem(file) + ending);
    }
}
