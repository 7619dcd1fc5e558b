package org.diffusionsoup.cli.console;

import java.awt.Color;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.diff.BlockDiff;
import org.diffusionsoup.core.diff.DiffReport;
import org.diffusionsoup.core.diff.Sums;
import org.diffusionsoup.image.png.LogScale;
import org.diffusionsoup.image.png.Palette;

/** Distances of blocks as a line of characters per component: coloured cells, or bars of height. */
public final class HeatStrip {
    private static final String BARS = "▁▂▃▄▅▆▇█";
    private static final int WRAP = 64;

    private HeatStrip() {}

    /** Whether the output takes 24-bit colour: a terminal, and nothing said against it. */
    public static boolean isColourful() {
        return Integer.getInteger("soup.columns", 0) > 0
                && System.getenv("NO_COLOR") == null
                && System.console() != null
                && System.console().isTerminal();
    }

    /** Writes the strips with a scale below. */
    public static void print(DiffReport report, boolean colour, PrintWriter writer) {
        // names are made visible below; the colours are ours
        PrintWriter out = writer instanceof VisibleWriter v ? v.raw() : writer;
        LogScale scale = LogScale.of(report);
        Map<String, List<BlockDiff>> components = new LinkedHashMap<>();
        for (BlockDiff b : report.blocks()) {
            components.computeIfAbsent(Visible.text(b.component()), c -> new ArrayList<>()).add(b);
        }
        int width = components.keySet().stream().mapToInt(String::length).max().orElse(0);
        components.forEach((name, blocks) -> {
            Sums sums = blocks.stream().map(BlockDiff::sums).reduce(Sums.ZERO, Sums::plus);
            for (int at = 0; at < blocks.size(); at += WRAP) {
                StringBuilder line = new StringBuilder();
                line.append((at == 0 ? name : "") + " ".repeat(width)).setLength(width);
                line.append(width == 0 ? "" : "  ");
                for (BlockDiff b : blocks.subList(at, Math.min(blocks.size(), at + WRAP))) {
                    line.append(cell(b.sums().relative(), scale, colour));
                }
                line.append(colour ? "\u001b[0m" : "");
                if (at == 0) {
                    line.append("  ").append(number(sums.relative()));
                }
                out.println(line);
            }
        });
        StringBuilder legend = new StringBuilder(" ".repeat(width == 0 ? 0 : width + 2));
        legend.append("1e").append(scale.low()).append(' ');
        for (int i = 0; i < 16; i++) {
            double exponent = scale.low() + (i + 0.5) / 16 * (scale.high() - scale.low());
            legend.append(cell(Math.pow(10, exponent), scale, colour));
        }
        legend.append(colour ? "\u001b[0m" : "").append(" 1e").append(scale.high());
        out.println(legend + ", " + (colour ? "grey" : "·") + " equal");
    }

    static String cell(double relative, LogScale scale, boolean colour) {
        double position = scale.position(relative);
        if (!colour) {
            int level = (int) Math.min(BARS.length() - 1, position * BARS.length());
            return relative > 0 ? BARS.substring(level, level + 1) : "·";
        }
        Color c = relative > 0 ? Palette.sequential(position) : Palette.EQUAL;
        return String.format(
                Locale.ROOT, "\u001b[38;2;%d;%d;%dm█", c.getRed(), c.getGreen(), c.getBlue());
    }

    /** A distance with three digits. */
    public static String number(double v) {
        return v == 0 ? "0" : String.format(Locale.ROOT, v < 1e-3 || v >= 1e4 ? "%.2e" : "%.3g", v);
    }
}
