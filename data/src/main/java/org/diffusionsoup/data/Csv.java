package org.diffusionsoup.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import de.siegmar.fastcsv.writer.CsvWriter;
import de.siegmar.fastcsv.writer.LineDelimiter;
import de.siegmar.fastcsv.writer.QuoteStrategy;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;

/**
 * The one reader and the one writer of comma-separated values as RFC 4180 has them: quotes, doubled
 * quotes, line ends in quotes.
 */
public final class Csv {
    private static final Pattern MESSAGE =
            Pattern.compile("(.*) \\(record starting at line (\\d+)\\)", Pattern.DOTALL);

    private final StringWriter text = new StringWriter();
    private final BitSet quoted = new BitSet();
    private final CsvWriter writer =
            CsvWriter.builder()
                    .lineDelimiter(LineDelimiter.LF)
                    .quoteStrategy(new QuotesOfTexts(quoted))
                    .bufferSize(0)
                    .build(text);

    private Csv() {}

    /**
     * One record.
     *
     * @param line the one it starts on, counted from 1
     */
    public record Record(List<String> fields, long line) {}

    /**
     * Reads a table; blank lines are passed over, and records may be of different lengths.
     *
     * @param where the file, for messages
     * @throws SoupException if a quote is never closed, or text follows a closing quote before the
     *     next comma; names the line that the record starts on
     */
    public static List<Record> parse(String text, String where) {
        return parse(text, where, ',');
    }

    /** The same for columns that tabs separate. */
    public static List<Record> parseTabs(String text, String where) {
        return parse(text, where, '\t');
    }

    private static List<Record> parse(String text, String where, char separator) {
        List<Record> records = new ArrayList<>();
        try {
            for (CsvRecord r :
                    CsvReader.builder()
                            .fieldSeparator(separator)
                            .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                            .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
                            .allowUnclosedQuote(false)
                            .ofCsvRecord(text)) {
                if (r.getFieldCount() > 1 || !r.getField(0).isBlank()) {
                    records.add(new Record(List.copyOf(r.getFields()), r.getStartingLineNumber()));
                }
            }
        } catch (CsvParseException e) {
            throw new SoupException(reason(String.valueOf(e.getMessage()), where), e);
        }
        return records;
    }

    private static String reason(String message, String where) {
        Matcher m = MESSAGE.matcher(message);
        if (!m.matches()) {
            return where + " is no table of comma-separated values: " + message;
        }
        String line = where + " line " + m.group(2);
        if (m.group(1).startsWith("Unclosed quoted field")) {
            return line + " opens a quote that is never closed";
        }
        return m.group(1).startsWith("Unexpected character after closing quote")
                ? line + " has text after a closing quote; write a quote in a quoted field twice"
                : line + " is malformed: " + m.group(1);
    }

    /**
     * A table to be written.
     *
     * @param header names of the columns, by commas; empty for none
     */
    public static Csv table(String header) {
        Csv table = new Csv();
        if (!header.isEmpty()) {
            table.writer.writeRecord(header.split(",", -1));
        }
        return table;
    }

    /**
     * Adds a line, and quotes texts, whatever is in them, but no numbers.
     *
     * @param cells texts, numbers as {@link String#valueOf} has them, and {@link OptionalDouble}s,
     *     which leave a cell empty if they are
     */
    public Csv row(Object... cells) {
        quoted.clear();
        List<String> fields = new ArrayList<>(cells.length);
        for (Object cell : cells) {
            quoted.set(fields.size(), cell instanceof String);
            fields.add(
                    cell instanceof OptionalDouble d
                            ? d.isPresent() ? String.valueOf(d.getAsDouble()) : ""
                            : String.valueOf(cell));
        }
        writer.writeRecord(fields);
        return this;
    }

    /** What was written; each line ends in a line feed. */
    public String text() {
        return text.toString();
    }

    /** Quotes the cells that are texts; others only if they must be. */
    private record QuotesOfTexts(BitSet quoted) implements QuoteStrategy {
        @Override
        public boolean quoteValue(int line, int field, String value) {
            return quoted.get(field);
        }

        @Override
        public boolean quoteEmpty(int line, int field) {
            return quoted.get(field);
        }
    }
}
