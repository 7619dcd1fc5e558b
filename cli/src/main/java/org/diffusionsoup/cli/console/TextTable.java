package org.diffusionsoup.cli.console;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.Visible;

/**
 * A table in plain text: columns as wide as they need; cells that are numbers stand right, and what
 * would break out of a cell is made visible.
 */
public final class TextTable {
    /** What a column of numbers has where there is none. */
    public static final String NONE = "-";

    private final List<List<String>> rows = new ArrayList<>();

    /** A table with a heading over each column. */
    public TextTable(String... headings) {
        rows.add(List.of(headings));
    }

    /** Adds a row with one cell per heading. */
    public void row(Object... cells) {
        if (cells.length != rows.getFirst().size()) {
            throw new IllegalArgumentException(
                    cells.length + " cells under " + rows.getFirst().size() + " headings");
        }
        List<String> row = new ArrayList<>();
        for (Object cell : cells) {
            row.add(Visible.text(String.valueOf(cell)));
        }
        rows.add(row);
    }

    /**
     * Writes heading and rows, or a sentence in their place where there is no row.
     *
     * @param none says what is missing and how it comes about
     */
    public void printOr(PrintWriter out, String none) {
        if (rows.size() > 1) {
            print(out);
        } else {
            out.println(none);
        }
    }

    /** Writes heading and rows. */
    public void print(PrintWriter out) {
        int columns = rows.getFirst().size();
        int[] widths = new int[columns];
        boolean[] numbers = new boolean[columns];
        for (int c = 0; c < columns; c++) {
            int column = c;
            widths[c] = rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0);
            numbers[c] =
                    rows.size() > 1
                            && rows.stream()
                                    .skip(1)
                                    .map(r -> r.get(column))
                                    .allMatch(TextTable::isNumber);
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < columns; c++) {
                String pad = " ".repeat(widths[c] - row.get(c).length());
                line.append(c == 0 ? "" : "  ");
                line.append(numbers[c] ? pad + row.get(c) : row.get(c) + pad);
            }
            out.println(line.toString().stripTrailing());
        }
    }

    private static boolean isNumber(String cell) {
        return cell.isEmpty()
                || cell.equals(NONE)
                || cell.matches("[-+]?[0-9][0-9,.]*( [A-Za-z%]{1,2})?");
    }
}
