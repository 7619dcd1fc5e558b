package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Pictures in rows and columns: models × prompts, say.
 *
 * @param caption what is to be seen
 * @param columns headers, such as prompts
 * @param rows one per model
 * @param pixels width of a picture on the page in CSS pixels; best a multiple of its own width
 */
public record ImageGrid(String caption, List<String> columns, List<Row> rows, int pixels)
        implements Block {
    private static final byte[] PNG = HexFormat.of().parseHex("89504e470d0a1a0a");

    /**
     * @param label the model's name
     * @param note a quieter line under it, such as its score; may be empty
     * @param pngs one PNG file per column; an empty array leaves the cell blank
     */
    public record Row(String label, String note, List<byte[]> pngs) {
        public Row {
            pngs = pngs.stream().map(byte[]::clone).toList();
        }
    }

    /**
     * @throws ReportException if a row has another number of pictures than there are columns, or
     *     bytes are not a PNG file
     */
    public ImageGrid {
        columns = List.copyOf(columns);
        rows = List.copyOf(rows);
        for (Row row : rows) {
            if (row.pngs().size() != columns.size()) {
                throw new ReportException(
                        "Row '%s' of the picture grid has %d pictures for %d columns."
                                .formatted(row.label(), row.pngs().size(), columns.size()));
            }
            for (byte[] png : row.pngs()) {
                if (png.length > 0 && Arrays.mismatch(png, PNG) != PNG.length) {
                    throw new ReportException(
                            "A picture in row '%s' of the grid is not a PNG file."
                                    .formatted(row.label()));
                }
            }
        }
    }

    /** Starts a grid with these column headers, pictures as wide as fits, 64 to 128 CSS pixels. */
    public static Builder titled(String caption, List<String> columns) {
        return new Builder(caption, columns);
    }

    /** Collects rows. */
    public static final class Builder {
        private final String caption;
        private final List<String> columns;
        private final List<Row> rows = new ArrayList<>();
        private int pixels;

        private Builder(String caption, List<String> columns) {
            this.caption = caption;
            this.columns = columns;
            // The page leaves about 900 pixels beside the row labels; 10 go to the gap.
            this.pixels = Math.clamp(900 / Math.max(1, columns.size()) - 10, 64, 128);
        }

        /** Sets the width of a picture on the page. */
        public Builder pixels(int width) {
            pixels = width;
            return this;
        }

        /** Adds a row of PNG files. */
        public Builder row(String label, String note, List<byte[]> pngs) {
            rows.add(new Row(label, note, pngs));
            return this;
        }

        /**
         * @throws ReportException if a row does not fit the columns
         */
        public ImageGrid build() {
            return new ImageGrid(caption, columns, rows, pixels);
        }
    }
}
