package org.diffusionsoup.image.png;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/** Pictures in rows, each with its own caption under it, as one picture. */
public final class CaptionedGrid {
    private static final int GAP = 14;
    private static final int MARGIN = 16;
    private static final int LINES = 4;
    private static final Color PAPER = Color.WHITE;
    private static final Color INK = new Color(0x2a2d33);
    private static final StrokeFont LABEL = new StrokeFont(15);

    private CaptionedGrid() {}

    /**
     * A picture and what stands under it.
     *
     * @param picture enlarged to whole multiples, each pixel becoming a square
     * @param caption wrapped at spaces, at most four lines
     */
    public record Cell(RgbImage picture, String caption) {}

    /**
     * Draws the grid.
     *
     * @param cells all pictures of one size; at least one
     * @param columns cells per row
     * @param factor how many times pictures are enlarged
     * @throws SoupException if there is no cell
     */
    public static RgbImage render(List<Cell> cells, int columns, int factor) {
        if (cells.isEmpty()) {
            throw new SoupException("A picture grid without a picture cannot be drawn.");
        }
        int across = Math.min(columns, cells.size());
        int down = Math.ceilDiv(cells.size(), columns);
        int width = cells.getFirst().picture().width() * factor;
        int height = cells.getFirst().picture().height() * factor;
        int lines =
                cells.stream()
                        .mapToInt(c -> LABEL.wrap(c.caption(), width, LINES).size())
                        .max()
                        .orElse(0);
        int rowHeight = height + (int) Math.ceil(lines * LABEL.lineHeight()) + GAP;
        BufferedImage sheet =
                new BufferedImage(
                        2 * MARGIN + across * (width + GAP) - GAP,
                        2 * MARGIN + Math.multiplyExact(down, rowHeight) - GAP,
                        BufferedImage.TYPE_INT_RGB);
        Graphics2D g = sheet.createGraphics();
        g.setColor(PAPER);
        g.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        g.setRenderingHint(
                RenderingHints.KEY_INTERPOLATION,
                RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        for (int i = 0; i < cells.size(); i++) {
            Cell cell = cells.get(i);
            int x = MARGIN + i % columns * (width + GAP);
            int y = MARGIN + i / columns * rowHeight;
            g.drawImage(cell.picture().toBufferedImage(), x, y, width, height, null);
            double line = y + height + 3;
            for (String text : LABEL.wrap(cell.caption(), width, LINES)) {
                LABEL.draw(g, text, x, line, INK);
                line += LABEL.lineHeight();
            }
        }
        g.dispose();
        return RgbImage.onWhite(sheet);
    }
}
