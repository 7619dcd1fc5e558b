package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Score;
import org.diffusionsoup.eval.ScoreTable;

/**
 * A table with a caption. The first column names the row.
 *
 * @param caption what the table holds, and how its intervals were made
 * @param columns headers, at least one
 * @param rows each with as many cells as there are columns
 */
public record Table(String caption, List<Column> columns, List<List<Cell>> rows) implements Block {

    /**
     * @param title the header
     * @param note a second line under it, such as a unit; may be empty
     */
    public record Column(String title, String note) {}

    /** What stands in a cell. */
    public sealed interface Cell {
        /** A cell of text, with a second, quieter line that may be empty. */
        record Text(String text, String note) implements Cell {}

        /** A plain number. */
        record Plain(double value, int digits, boolean best) implements Cell {}

        /**
         * A number with its interval.
         *
         * @param signed whether a plus sign is written, as for differences
         * @param best whether it is marked; mark it only where chance is ruled out
         */
        record Estimate(Interval interval, int digits, boolean signed, boolean best)
                implements Cell {}

        /** Nothing to say. */
        record Empty() implements Cell {}

        static Cell text(String text) {
            return new Text(text, "");
        }

        static Cell text(String text, String note) {
            return new Text(text, note);
        }

        static Cell number(double value, int digits) {
            return new Plain(value, digits, false);
        }

        static Cell estimate(Interval interval, int digits) {
            return new Estimate(interval, digits, false, false);
        }

        static Cell difference(Interval interval, int digits) {
            return new Estimate(interval, digits, true, false);
        }

        static Cell empty() {
            return new Empty();
        }
    }

    /**
     * @throws ReportException if a row has another number of cells than there are columns
     */
    public Table {
        columns = List.copyOf(columns);
        rows = rows.stream().map(List::copyOf).toList();
        for (List<Cell> row : rows) {
            if (row.size() != columns.size()) {
                throw new ReportException(
                        "A row of table '%s' has %d cells for %d columns."
                                .formatted(caption, row.size(), columns.size()));
            }
        }
    }

    /** Starts a table with these column headers; {@code "time|seconds"} gives a second line. */
    public static Builder titled(String caption, String... headers) {
        return new Builder(caption, headers);
    }

    /**
     * Mean score, difference to the baseline, prompts and seeds, one row per model. The best value
     * is marked only if its paired interval over every other model excludes 0.
     *
     * @param digits after the point
     */
    public static Table of(ScoreTable scores, int digits) {
        Interval any = scores.rows().getFirst().score().mean();
        String level = Numbers.percent(any.confidence());
        String clear =
                scores.best()
                        .map(b ->
                                "The marked value is above every other with its interval clear of 0.")
                        .orElse("No model is above all others beyond chance, so none is marked.");
        List<Column> columns =
                List.of(
                        new Column("Model", ""),
                        new Column("Score", scores.judge().convention()),
                        new Column("Difference to " + scores.baseline(), ""),
                        new Column("Prompts × seeds", ""));
        List<List<Cell>> rows = new ArrayList<>();
        for (ScoreTable.Row row : scores.rows()) {
            Score score = row.score();
            boolean best = scores.best().equals(Optional.of(score.model()));
            rows.add(
                    List.of(
                            Cell.text(score.model()),
                            new Cell.Estimate(score.mean(), digits, false, best),
                            row.toBaseline()
                                    .map(d -> Cell.difference(d, digits))
                                    .orElse(Cell.empty()),
                            Cell.text(score.prompts() + " × " + score.seeds())));
        }
        String caption =
                "Judge: %s. Intervals: %s, bootstrap over prompts; differences are paired by prompt. %s"
                        .formatted(scores.judge(), level, clear);
        return new Table(caption, columns, rows);
    }

    /** Collects rows. */
    public static final class Builder {
        private final String caption;
        private final List<Column> columns = new ArrayList<>();
        private final List<List<Cell>> rows = new ArrayList<>();

        private Builder(String caption, String... headers) {
            this.caption = caption;
            for (String header : headers) {
                int bar = header.indexOf('|');
                columns.add(
                        bar < 0
                                ? new Column(header, "")
                                : new Column(header.substring(0, bar), header.substring(bar + 1)));
            }
        }

        /** Adds a row. */
        public Builder row(Cell... cells) {
            rows.add(List.of(cells));
            return this;
        }

        /** Adds a row of text. */
        public Builder row(String... texts) {
            List<Cell> cells = new ArrayList<>();
            for (String text : texts) {
                cells.add(Cell.text(text));
            }
            rows.add(cells);
            return this;
        }

        /**
         * @throws ReportException if a row does not fit the columns
         */
        public Table build() {
            return new Table(caption, columns, rows);
        }
    }
}
