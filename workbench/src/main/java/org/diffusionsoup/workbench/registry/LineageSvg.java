package org.diffusionsoup.workbench.registry;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;

/** A lineage as a drawing: shards, ingredients and soups in columns, withdrawn ones struck out. */
public final class LineageSvg {
    private static final int ROW = 44;
    private static final int BOX = 34;
    private static final int GAP = 130;
    private static final int TOP = 50;

    /** Boxes are as wide as what they say, within these. */
    private static final int NARROWEST = 150;

    private static final int WIDEST = 460;
    private static final int PADDING = 16;

    /** What a letter takes at most of a line on average, in pixels: at 13 and at 10 of height. */
    private static final double NAME_LETTER = 7.5;

    private static final double ABOUT_LETTER = 5.8;

    private LineageSvg() {}

    /** The drawing as an SVG document. */
    public static String svg(Lineage l) {
        List<List<Node>> columns = List.of(l.shards(), l.ingredients(), l.soups());
        int wide = width(columns);
        int rows = columns.stream().mapToInt(List::size).max().orElse(0);
        int height = TOP + Math.max(1, rows) * ROW + 20;
        int width = 3 * wide + 2 * GAP + 40;
        StringBuilder b = new StringBuilder();
        b.append(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\">\n"
                        .formatted(width, height, width, height));
        b.append("<title>Shards, ingredients and soups, by Diffusion Soup</title>\n");
        Map<Long, int[]> places = new HashMap<>();
        Map<Long, Node> nodes = new HashMap<>();
        for (int c = 0; c < 3; c++) {
            for (int r = 0; r < columns.get(c).size(); r++) {
                Node n = columns.get(c).get(r);
                places.put(n.id(), new int[] {20 + c * (wide + GAP), TOP + r * ROW});
                nodes.put(n.id(), n);
            }
        }
        for (Edge e : l.edges()) {
            edge(b, e, places, nodes, wide);
        }
        List<String> titles = List.of("shards", "ingredients", "soups");
        for (int c = 0; c < 3; c++) {
            b.append(
                    "<text x=\"%d\" y=\"28\" font-size=\"15\" fill=\"#555\">%s</text>\n"
                            .formatted(20 + c * (wide + GAP), titles.get(c)));
            columns.get(c).forEach(n -> node(b, n, places, wide));
        }
        return b.append("</svg>\n").toString();
    }

    private static int width(List<List<Node>> columns) {
        double needed =
                columns.stream()
                        .flatMap(List::stream)
                        .mapToDouble(n ->
                                Math.max(
                                        letters(n.name()) * NAME_LETTER,
                                        letters(n.about()) * ABOUT_LETTER))
                        .max()
                        .orElse(0);
        return Math.clamp((int) Math.ceil(needed) + PADDING, NARROWEST, WIDEST);
    }

    private static int letters(String s) {
        return s.codePointCount(0, s.length());
    }

    /** The drawing in a page that needs nothing else. */
    public static String html(Lineage l) {
        return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"Diffusion Soup\"><title>Lineage</title>"
                + "</head>\n<body style=\"font-family:sans-serif;margin:2em\">\n<h1>Lineage</h1>\n"
                + "<p>Withdrawn things are struck out, superseded soups are grey.</p>\n"
                + svg(l)
                + "</body></html>\n";
    }

    private static void edge(
            StringBuilder b, Edge e, Map<Long, int[]> places, Map<Long, Node> nodes, int wide) {
        int[] from = places.get(e.from());
        int[] to = places.get(e.to());
        Node a = nodes.get(e.from());
        Node z = nodes.get(e.to());
        if (from == null || to == null || a == null || z == null) {
            return;
        }
        boolean gone = a.withdrawn() || z.withdrawn();
        int x1 = from[0] + wide;
        int y1 = from[1] + BOX / 2;
        int y2 = to[1] + BOX / 2;
        b.append(
                String.format(
                        Locale.ROOT,
                        "<path d=\"M%d %d C%d %d %d %d %d %d\" fill=\"none\" stroke=\"%s\"%s><title>%s</title></path>\n",
                        x1,
                        y1,
                        x1 + GAP / 2,
                        y1,
                        to[0] - GAP / 2,
                        y2,
                        to[0],
                        y2,
                        gone ? "#ccc" : z.superseded() ? "#bbb" : "#4477aa",
                        gone ? " stroke-dasharray=\"4 3\"" : "",
                        escape(a.name())
                                + " in "
                                + escape(z.name())
                                + (e.label().isEmpty() ? "" : ": " + escape(e.label()))));
    }

    private static void node(StringBuilder b, Node n, Map<Long, int[]> places, int wide) {
        int[] at = places.getOrDefault(n.id(), new int[2]);
        boolean grey = n.withdrawn() || n.superseded();
        b.append(
                "<g><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" stroke=\"%s\"/>"
                        .formatted(
                                at[0],
                                at[1],
                                wide,
                                BOX,
                                grey ? "#f4f4f4" : "#eef4fb",
                                grey ? "#ccc" : "#4477aa"));
        b.append(
                "<text x=\"%d\" y=\"%d\" font-size=\"13\" fill=\"%s\"%s>%s</text>"
                        .formatted(
                                at[0] + 8,
                                at[1] + 15,
                                grey ? "#999" : "#222",
                                n.withdrawn() ? " text-decoration=\"line-through\"" : "",
                                escape(shorten(n.name(), fitting(wide, NAME_LETTER)))));
        b.append(
                "<text x=\"%d\" y=\"%d\" font-size=\"10\" fill=\"#777\">%s</text>"
                        .formatted(
                                at[0] + 8,
                                at[1] + 28,
                                escape(shorten(n.about(), fitting(wide, ABOUT_LETTER)))));
        b.append("<title>%s: %s</title></g>\n".formatted(escape(n.name()), escape(n.about())));
    }

    /** How many letters there is room for. */
    private static int fitting(int wide, double letter) {
        return (int) ((wide - PADDING) / letter);
    }

    private static String shorten(String s, int n) {
        return s.codePointCount(0, s.length()) <= n
                ? s
                : s.substring(0, s.offsetByCodePoints(0, n - 1)) + "…";
    }

    private static String escape(String s) {
        return Visible.text(s)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
