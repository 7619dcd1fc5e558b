package org.diffusionsoup.image.png;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/**
 * Pictures in rows and columns with labels, as one picture. Small ones are enlarged by whole
 * factors, each pixel becoming a square.
 *
 * <pre>{@code
 * RgbImage sheet = PictureGrid.columns(prompts).title("seed 7").row("base", pictures).render();
 * }</pre>
 *
 * <p>Draws its own letters, so it needs no fonts and gives the same bytes everywhere.
 */
public final class PictureGrid {
    private static final int PADDING = 8;
    private static final int MARGIN = 14;
    private static final int LABEL_LINES = 3;
    private static final int ROW_LABEL_WIDTH = 150;
    private static final int SMALLEST_CELL = 96;
    private static final Color PAPER = Color.WHITE;
    private static final Color INK = new Color(0x2a2d33);
    private static final Color QUIET = new Color(0x666b75);
    private static final StrokeFont TITLE = new StrokeFont(24);
    private static final StrokeFont LABEL = new StrokeFont(17);

    private final List<String> columns;
    private final List<String> labels = new ArrayList<>();
    private final List<List<RgbImage>> rows = new ArrayList<>();
    private String title = "";
    private int scale;

    private PictureGrid(List<String> columns) {
        this.columns = List.copyOf(columns);
    }

    /** A grid with these labels above its columns; empty labels are left out. */
    public static PictureGrid columns(List<String> labels) {
        if (labels.isEmpty()) {
            throw new SoupException("A picture grid needs at least one column.");
        }
        return new PictureGrid(labels);
    }

    /** Sets a line above the grid. */
    public PictureGrid title(String text) {
        title = text;
        return this;
    }

    /**
     * Sets how many times pictures are enlarged; by default so that they are at least 96 pixels
     * wide.
     *
     * @param factor at least 1
     */
    public PictureGrid scale(int factor) {
        if (factor < 1) {
            throw new SoupException(
                    "Pictures are enlarged at least once, got %d.".formatted(factor));
        }
        scale = factor;
        return this;
    }

    /**
     * Adds a row.
     *
     * @param label left of it; may be empty
     * @param pictures at most one per column
     */
    public PictureGrid row(String label, List<RgbImage> pictures) {
        if (pictures.size() > columns.size()) {
            throw new SoupException(
                    "Row '%s' of the picture grid has %d pictures for %d columns."
                            .formatted(label, pictures.size(), columns.size()));
        }
        labels.add(label);
        rows.add(List.copyOf(pictures));
        return this;
    }

    /**
     * Draws the grid.
     *
     * @throws SoupException if there is no picture in it
     */
    public RgbImage render() {
        List<RgbImage> all = rows.stream().flatMap(List::stream).toList();
        if (all.isEmpty()) {
            throw new SoupException("A picture grid without a picture cannot be drawn.");
        }
        int widest = all.stream().mapToInt(RgbImage::width).max().orElse(1);
        int tallest = all.stream().mapToInt(RgbImage::height).max().orElse(1);
        int factor = scale > 0 ? scale : Math.max(1, -Math.floorDiv(-SMALLEST_CELL, widest));
        int cellWidth = Math.multiplyExact(widest, factor);
        int cellHeight = Math.multiplyExact(tallest, factor);
        double longest = labels.stream().mapToDouble(LABEL::width).max().orElse(0);
        int labelWidth = longest == 0 ? 0 : (int) Math.ceil(Math.min(longest, ROW_LABEL_WIDTH));
        int left = MARGIN + (labelWidth == 0 ? 0 : labelWidth + 12);
        int titleHeight = title.isBlank() ? 0 : (int) Math.ceil(TITLE.lineHeight()) + 8;
        List<List<String>> heads =
                columns.stream().map(c -> LABEL.wrap(c, cellWidth, LABEL_LINES)).toList();
        int headLines = heads.stream().mapToInt(List::size).max().orElse(0);
        int headHeight = headLines == 0 ? 0 : (int) Math.ceil(headLines * LABEL.lineHeight()) + 4;
        int top = MARGIN + titleHeight + headHeight;
        int gridWidth = left + columns.size() * (cellWidth + PADDING) - PADDING + MARGIN;
        int width = Math.max(gridWidth, title.isBlank() ? 0 : 2 * MARGIN + 120);
        int height =
                Math.addExact(
                        top - PADDING + MARGIN,
                        Math.multiplyExact(rows.size(), cellHeight + PADDING));

        BufferedImage sheet = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = sheet.createGraphics();
        g.setColor(PAPER);
        g.fillRect(0, 0, width, height);
        g.setRenderingHint(
                RenderingHints.KEY_INTERPOLATION,
                RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        if (titleHeight > 0) {
            String line = TITLE.wrap(title, width - 2.0 * MARGIN, 1).getFirst();
            TITLE.draw(g, line, MARGIN, MARGIN - 4, INK);
        }
        for (int c = 0; c < heads.size(); c++) {
            List<String> lines = heads.get(c);
            double y = top - 4 - lines.size() * LABEL.lineHeight();
            double middle = left + c * (cellWidth + PADDING) + cellWidth / 2.0;
            for (String line : lines) {
                LABEL.draw(g, line, middle - LABEL.width(line) / 2, y, QUIET);
                y += LABEL.lineHeight();
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            int y = top + r * (cellHeight + PADDING);
            label(g, labels.get(r), labelWidth, y, cellHeight);
            for (int c = 0; c < rows.get(r).size(); c++) {
                RgbImage picture = rows.get(r).get(c);
                int x = left + c * (cellWidth + PADDING);
                int w = picture.width() * factor;
                int h = picture.height() * factor;
                g.drawImage(
                        picture.toBufferedImage(),
                        x + (cellWidth - w) / 2,
                        y + (cellHeight - h) / 2,
                        w,
                        h,
                        null);
            }
        }
        g.dispose();
        return RgbImage.onWhite(sheet);
    }

    private static void label(Graphics2D g, String text, int width, int top, int height) {
        if (text.isBlank()) {
            return;
        }
        int most = Math.max(1, (int) (height / LABEL.lineHeight()));
        List<String> lines = LABEL.wrap(text, width, most);
        double y = top + (height - lines.size() * LABEL.lineHeight()) / 2;
        for (String line : lines) {
            LABEL.draw(g, line, MARGIN, y, INK);
            y += LABEL.lineHeight();
        }
    }
}
