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
    private static final int WIDTH = 230;
    private static final int GAP = 130;
    private static final int TOP = 50;

    private LineageSvg() {}

    /** The drawing as an SVG document. */
    public static String svg(Lineage l) {
        List<List<Node>> columns = List.of(l.shards(), l.ingredients(), l.soups());
        int rows = columns.stream().mapToInt(List::size).max().orElse(0);
        int height = TOP + Math.max(1, rows) * ROW + 20;
        int width = 3 * WIDTH + 2 * GAP + 40;
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
                places.put(n.id(), new int[] {20 + c * (WIDTH + GAP), TOP + r * ROW});
                nodes.put(n.id(), n);
            }
        }
        for (Edge e : l.edges()) {
            edge(b, e, places, nodes);
        }
        List<String> titles = List.of("shards", "ingredients", "soups");
        for (int c = 0; c < 3; c++) {
            b.append(
                    "<text x=\"%d\" y=\"28\" font-size=\"15\" fill=\"#555\">%s</text>\n"
                            .formatted(20 + c * (WIDTH + GAP), titles.get(c)));
            columns.get(c).forEach(n -> node(b, n, places));
        }
        return b.append("</svg>\n").toString();
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
            StringBuilder b, Edge e, Map<Long, int[]> places, Map<Long, Node> nodes) {
        int[] from = places.get(e.from());
        int[] to = places.get(e.to());
        Node a = nodes.get(e.from());
        Node z = nodes.get(e.to());
        if (from == null || to == null || a == null || z == null) {
            return;
        }
        boolean gone = a.withdrawn() || z.withdrawn();
        int x1 = from[0] + WIDTH;
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
                        escape(e.label())));
    }

    private static void node(StringBuilder b, Node n, Map<Long, int[]> places) {
        int[] at = places.getOrDefault(n.id(), new int[2]);
        boolean grey = n.withdrawn() || n.superseded();
        b.append(
                "<g><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" stroke=\"%s\"/>"
                        .formatted(
                                at[0],
                                at[1],
                                WIDTH,
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
                                escape(shorten(n.name(), 30))));
        b.append(
                "<text x=\"%d\" y=\"%d\" font-size=\"10\" fill=\"#777\">%s</text>"
                        .formatted(at[0] + 8, at[1] + 28, escape(shorten(n.about(), 40))));
        b.append("<title>%s: %s</title></g>\n".formatted(escape(n.name()), escape(n.about())));
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
