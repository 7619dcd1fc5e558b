package org.diffusionsoup.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.Visible;

/**
 * Prompts in the forms in which sets of them are published: a table with a column of prompts
 * (PartiPrompts, DrawBench), JSON a line, a JSON list of texts or of objects, objects by their
 * names, and the captions of MS-COCO, from which the paper draws.
 */
public final class PromptTable {
    private static final Set<String> ENDINGS = Set.of("csv", "tsv", "json", "jsonl", "ndjson");

    /** What a column or field of prompts is called; the first that is there counts. */
    private static final List<String> FIELDS =
            List.of("prompt", "prompts", "caption", "captions", "text");

    private static final String NAMES = "prompt, caption or text";

    private final List<String> prompts = new ArrayList<>();

    private PromptTable() {}

    /** Whether a file's name says that it is a table or JSON. */
    public static boolean isOne(Path file) {
        return ENDINGS.contains(ending(file));
    }

    /**
     * The prompts of a file in its order, equal ones as often as they are there, with blanks around
     * them taken off and line ends in them made blanks.
     *
     * @param file for which {@link #isOne} holds
     * @return empty if there are no rows
     * @throws SoupException if the file is not what its ending says, names no prompts, or if one of
     *     them is empty or no text; names the line or the entry
     */
    public static List<String> read(Path file) {
        String text;
        try {
            text = Utf8Text.decode(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        PromptTable table = new PromptTable();
        switch (ending(file)) {
            case "csv" -> table.rows(Csv.parse(text, file.toString()), file);
            case "tsv" -> table.rows(Csv.parseTabs(text, file.toString()), file);
            case "json" -> table.json(RowJson.read(text, file.toString()), file.toString());
            default -> table.lines(text, file);
        }
        return List.copyOf(table.prompts);
    }

    private static String ending(Path file) {
        String name = file.toString();
        return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    }

    private void rows(List<Csv.Record> records, Path file) {
        if (records.isEmpty()) {
            return;
        }
        List<String> header =
                records.getFirst().fields().stream()
                        .map(name -> name.strip().toLowerCase(Locale.ROOT))
                        .toList();
        int column =
                FIELDS.stream()
                        .filter(header::contains)
                        .findFirst()
                        .map(header::indexOf)
                        .orElseThrow(() ->
                                new SoupException(
                                        "%s names no column %s in its first line, which has '%s'; name the column of prompts so, or write one prompt a line into a .txt file"
                                                .formatted(
                                                        file,
                                                        NAMES,
                                                        Visible.shortened(
                                                                String.join(
                                                                        "', '",
                                                                        records.getFirst()
                                                                                .fields())))));
        for (Csv.Record record : records.subList(1, records.size())) {
            String where = file + " line " + record.line();
            if (record.fields().size() <= column) {
                throw new SoupException(
                        where + " ends before the column of prompts; add what is missing");
            }
            add(record.fields().get(column), where);
        }
    }

    private void lines(String text, Path file) {
        int number = 0;
        for (String line : text.split("\n")) {
            number++;
            if (!line.isBlank()) {
                String where = file + " line " + number;
                json(RowJson.read(line, where), where);
            }
        }
    }

    private void json(JsonNode node, String where) {
        if (node.isTextual()) {
            add(node.asText(), where);
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                json(node.get(i), where + " entry " + (i + 1));
            }
        } else if (node.isObject()) {
            object(node, where);
        } else {
            throw none(where);
        }
    }

    private void object(JsonNode node, String where) {
        Optional<String> field = FIELDS.stream().filter(node::has).findFirst();
        if (field.isPresent()) {
            json(node.get(field.get()), where);
        } else if (node.path("annotations").isArray()) {
            json(node.get("annotations"), where + " annotations");
        } else if (!node.isEmpty()
                && StreamSupport.stream(node.spliterator(), false).allMatch(JsonNode::isObject)) {
            node.properties().forEach(e -> json(e.getValue(), where + " entry " + e.getKey()));
        } else {
            throw none(where);
        }
    }

    private static SoupException none(String where) {
        return new SoupException(
                "%s has no %s; name the prompts so, or write one a line into a .txt file"
                        .formatted(where, NAMES));
    }

    private void add(String prompt, String where) {
        String text = prompt.strip().replaceAll("\\s*\\R\\s*", " ");
        if (text.isEmpty()) {
            throw new SoupException(where + " has an empty prompt; fill it in or take it out");
        }
        prompts.add(text);
    }
}
