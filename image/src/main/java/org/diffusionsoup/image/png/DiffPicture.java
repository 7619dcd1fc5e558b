package org.diffusionsoup.image.png;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.diff.BlockDiff;
import org.diffusionsoup.core.diff.DiffReport;
import org.diffusionsoup.image.RgbImage;

/**
 * Draws how far the blocks of two checkpoints are apart: blocks along x in the model's order, a bar
 * and a cell each for ‖a − b‖ / ‖a‖ on a scale of logarithms, and with a common base a second row
 * of cells for the cosine of the deltas.
 */
public final class DiffPicture {
    private static final StrokeFont TITLE = new StrokeFont(30);
    private static final StrokeFont TEXT = new StrokeFont(20);
    private static final StrokeFont SMALL = new StrokeFont(16);
    private static final Color INK = new Color(0x22262b);
    private static final Color FAINT = new Color(0x6b7480);
    private static final Color LINE = new Color(0xe2e5e9);
    private static final int LEFT = 130;
    private static final int RIGHT = 190;
    private static final int TOP = 150;
    private static final int BARS = 260;
    private static final int CELLS = 46;
    private static final int GAP = 14;

    private final DiffReport report;
    private final List<BlockDiff> blocks;
    private final LogScale scale;
    private final double cell;

    private DiffPicture(DiffReport report) {
        this.report = report;
        this.blocks = report.blocks();
        this.scale = LogScale.of(report);
        this.cell = Math.clamp(1500.0 / Math.max(1, blocks.size()), 15, 40);
    }

    /**
     * Draws a report.
     *
     * @param a what the first checkpoint is called
     * @param b what the second is called
     * @param base what their common base is called; empty where there is none
     */
    public static RgbImage draw(DiffReport report, String a, String b, Optional<String> base) {
        return new DiffPicture(report)
                .picture("A: " + a + "   B: " + b + base.map(c -> "   C: " + c).orElse(""));
    }

    private RgbImage picture(String title) {
        double labels = blocks.stream().mapToDouble(x -> SMALL.width(x.name())).max().orElse(0);
        int strips = report.withBase() ? 2 : 1;
        int bottom = TOP + BARS + GAP + strips * (CELLS + GAP);
        int width =
                Math.max(
                        Math.max(900, (int) TITLE.width(title) + 60),
                        (int) (LEFT + cell * blocks.size() + RIGHT));
        int height = (int) (bottom + labels + 40);
        BufferedImage sheet = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = sheet.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, width, height);
        TITLE.draw(g, title, 30, 22, INK);
        TEXT.draw(
                g,
                String.format(
                        Locale.ROOT,
                        "Relative distance |A-B|/|A| of each block, on a scale of logarithms;"
                                + " the whole model: %.3g",
                        report.total().relative()),
                30,
                62,
                FAINT);
        axis(g);
        components(g, bottom);
        for (int i = 0; i < blocks.size(); i++) {
            block(g, i, bottom);
        }
        legend(g, width);
        g.dispose();
        return RgbImage.onWhite(sheet);
    }

    private double x(int block) {
        return LEFT + block * cell;
    }

    private double y(double relative) {
        return TOP + BARS * (1 - scale.position(relative));
    }

    private void axis(Graphics2D g) {
        for (int e = scale.low(); e <= scale.high(); e++) {
            double y = y(Math.pow(10, e));
            g.setColor(LINE);
            g.setStroke(new BasicStroke(1.2f));
            g.draw(new Line2D.Double(LEFT - 6, y, x(blocks.size()), y));
            String label = LogScale.label(e);
            TEXT.draw(g, label, LEFT - 14 - TEXT.width(label), y - 10, FAINT);
        }
        TEXT.draw(g, "distance", 18, TOP + BARS + GAP + CELLS / 2.0 - 11, INK);
        if (report.withBase()) {
            TEXT.draw(g, "cosine", 18, TOP + BARS + 2.0 * GAP + 1.5 * CELLS - 11, INK);
        }
    }

    /** Names above, and a line between components. */
    private void components(Graphics2D g, int bottom) {
        int from = 0;
        for (int i = 1; i <= blocks.size(); i++) {
            boolean ends =
                    i == blocks.size()
                            || !blocks.get(i).component().equals(blocks.get(from).component());
            if (!ends) {
                continue;
            }
            String name = blocks.get(from).component();
            double middle = (x(from) + x(i)) / 2;
            double room = x(i) - x(from);
            if (TEXT.width(name) < room + cell) {
                TEXT.draw(g, name, middle - TEXT.width(name) / 2, TOP - 44, INK);
            }
            g.setColor(FAINT);
            g.setStroke(new BasicStroke(2f));
            g.draw(new Line2D.Double(x(from) + 2, TOP - 18, x(i) - 2, TOP - 18));
            if (i < blocks.size()) {
                g.setColor(new Color(0xb8bec6));
                g.setStroke(new BasicStroke(1f));
                g.draw(new Line2D.Double(x(i), TOP - 18, x(i), bottom - GAP));
            }
            from = i;
        }
    }

    private void block(Graphics2D g, int i, int bottom) {
        BlockDiff b = blocks.get(i);
        double relative = b.sums().relative();
        Color colour = colour(b);
        double x = x(i);
        double pad = Math.min(2, cell / 10);
        g.setColor(colour);
        if (relative > 0) {
            double y = y(relative);
            g.fill(new Rectangle2D.Double(x + pad, y, cell - 2 * pad, TOP + BARS - y));
        }
        double strip = TOP + BARS + GAP;
        g.fill(new Rectangle2D.Double(x + 0.5, strip, cell - 1, CELLS));
        if (report.withBase()) {
            g.setColor(Palette.diverging(b.sums().cosine()));
            g.fill(new Rectangle2D.Double(x + 0.5, strip + CELLS + GAP, cell - 1, CELLS));
        }
        Graphics2D turned = (Graphics2D) g.create();
        turned.translate(x + cell / 2 + 8, bottom);
        turned.rotate(Math.PI / 2);
        SMALL.draw(turned, b.name(), 0, 0, INK);
        turned.dispose();
    }

    private Color colour(BlockDiff b) {
        double relative = b.sums().relative();
        return relative > 0 ? Palette.sequential(scale.position(relative)) : Palette.EQUAL;
    }

    private void legend(Graphics2D g, int width) {
        double x = width - RIGHT + 40;
        for (int i = 0; i < BARS; i++) {
            g.setColor(Palette.sequential(1 - i / (double) BARS));
            g.fill(new Rectangle2D.Double(x, TOP + i, 24, 1.5));
        }
        for (int e = scale.low(); e <= scale.high(); e++) {
            TEXT.draw(g, LogScale.label(e), x + 34, y(Math.pow(10, e)) - 10, INK);
        }
        double below = TOP + BARS + GAP + CELLS / 2.0;
        g.setColor(Palette.EQUAL);
        g.fill(new Rectangle2D.Double(x, below - 12, 24, 24));
        TEXT.draw(g, "equal", x + 34, below - 11, INK);
        if (report.withBase()) {
            double row = below + CELLS + GAP - 12;
            for (int i = 0; i < 60; i++) {
                g.setColor(Palette.diverging(i / 29.5 - 1));
                g.fill(new Rectangle2D.Double(x + i, row, 1.5, 24));
            }
            TEXT.draw(g, "-1 to 1", x + 68, row + 1, INK);
        }
    }
}
