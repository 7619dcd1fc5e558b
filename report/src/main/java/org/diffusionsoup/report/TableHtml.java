package org.diffusionsoup.report;

import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.eval.Interval;

/** A table as HTML: first column row headers, numbers right-aligned on their digits. */
final class TableHtml {
    /** Letters between two places to break that a column of words is made wide enough for. */
    private static final int LONGEST_PIECE = 24;

    private final Markup out;

    TableHtml(Markup out) {
        this.out = out;
    }

    void write(Table table) {
        out.open("figure", "class", "table").open("div", "class", "scroll", "tabindex", "0");
        out.open("table").open("thead").open("tr");
        for (int c = 0; c < table.columns().size(); c++) {
            Table.Column column = table.columns().get(c);
            out.open("th", "scope", "col", "class", isNumeric(table, c) ? "number" : "words");
            out.text(column.title());
            if (!column.note().isEmpty()) {
                out.element("small", column.note());
            }
            out.close();
        }
        out.close().close().open("tbody");
        for (List<Table.Cell> row : table.rows()) {
            out.newline().open("tr");
            for (int c = 0; c < row.size(); c++) {
                cell(row.get(c), c == 0, isNumeric(table, c));
            }
            out.close();
        }
        out.close().close().close();
        out.open("figcaption").prose(table.caption()).close().close();
    }

    private static boolean isNumeric(Table table, int column) {
        return table.rows().stream()
                .map(row -> row.get(column))
                .anyMatch(cell ->
                        cell instanceof Table.Cell.Plain || cell instanceof Table.Cell.Estimate);
    }

    private void cell(Table.Cell cell, boolean first, boolean numeric) {
        String style = numeric ? "number" : isLong(cell) ? "words long" : "words";
        if (first) {
            out.open("th", "scope", "row", "class", style);
        } else {
            out.open("td", "class", style);
        }
        switch (cell) {
            case Table.Cell.Text text -> {
                out.names(text.text());
                if (!text.note().isEmpty()) {
                    out.open("small").names(text.note()).close();
                }
            }
            case Table.Cell.Plain number ->
                    value(Numbers.fixed(number.value(), number.digits()), number.best());
            case Table.Cell.Estimate estimate -> estimate(estimate);
            case Table.Cell.Empty ignored -> out.element("span", "–", "class", "none");
        }
        out.close();
    }

    /** Whether a text has to be broken inside a name, lest the table grow too wide. */
    private static boolean isLong(Table.Cell cell) {
        return cell instanceof Table.Cell.Text text
                && Stream.of(text.text(), text.note())
                        .flatMap(t -> Stream.of(t.split("[ /#&]")))
                        .anyMatch(piece -> piece.length() > LONGEST_PIECE);
    }

    private void estimate(Table.Cell.Estimate cell) {
        Interval i = cell.interval();
        int digits = cell.digits();
        value(
                cell.signed()
                        ? Numbers.signed(i.estimate(), digits)
                        : Numbers.fixed(i.estimate(), digits),
                cell.best());
        if (i.isPoint()) {
            return;
        }
        String low =
                cell.signed() ? Numbers.signed(i.low(), digits) : Numbers.fixed(i.low(), digits);
        String high =
                cell.signed() ? Numbers.signed(i.high(), digits) : Numbers.fixed(i.high(), digits);
        out.element("small", low + " to " + high);
    }

    private void value(String text, boolean best) {
        if (best) {
            out.open("strong", "class", "best");
            out.element("span", "★ ", "title", "best beyond chance").text(text).close();
        } else {
            out.text(text);
        }
    }
}
