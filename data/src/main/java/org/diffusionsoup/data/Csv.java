package org.diffusionsoup.data;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/** Comma-separated values as RFC 4180 has them: quotes, doubled quotes, line ends in quotes. */
final class Csv {
    /** One record and the line, counted from 1, it starts on. */
    record Record(List<String> fields, int line) {}

    private Csv() {}

    static List<Record> parse(String text, String where) {
        List<Record> records = new ArrayList<>();
        List<String> fields = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean quoted = false;
        int line = 1;
        int start = 1;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                line++;
            }
            if (quoted) {
                if (c != '"') {
                    field.append(c);
                } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
                    field.append('"');
                    i++;
                } else {
                    quoted = false;
                }
            } else if (c == '"' && field.isEmpty()) {
                quoted = true;
            } else if (c == ',') {
                fields.add(take(field));
            } else if (c == '\n') {
                fields.add(take(field));
                add(records, fields, start);
                fields = new ArrayList<>();
                start = line;
            } else if (c != '\r') {
                field.append(c);
            }
        }
        if (quoted) {
            throw new SoupException(
                    where + " line " + start + " opens a quote that is never closed");
        }
        fields.add(take(field));
        add(records, fields, start);
        return records;
    }

    private static void add(List<Record> records, List<String> fields, int line) {
        boolean blank = fields.size() == 1 && fields.getFirst().isBlank();
        if (!blank) {
            records.add(new Record(List.copyOf(fields), line));
        }
    }

    private static String take(StringBuilder field) {
        String value = field.toString();
        field.setLength(0);
        return value;
    }
}
