package org.diffusionsoup.workbench.registry;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;

/** A lineage as a drawing: shards, ingredients and soups in columns, withdrawn ones struck out. */
public final class LineageSvg {
    private static final int ROW = 44;
    private static final int BOX = 34;
    private static final int GAP = 130;
    private static final int NARROWEST_GAP = 70;
    private static final int MARGIN = 20;
    private static final int TOP = 50;

    /** Boxes are as wide as what they say, within these. */
    private static final int NARROWEST = 150;

    private static final int WIDEST = 460;
    private static final int PADDING = 16;

    /** What a letter takes at most of a line on average, in pixels: at 13 and at 10 of height. */
    private static final double NAME_LETTER = 7.5;

    private static final double ABOUT_LETTER = 5.8;

    private LineageSvg() {}

    /** The drawing as an SVG document, as wide as its names need. */
    public static String svg(Lineage l) {
        return svg(l, Integer.MAX_VALUE);
    }

    /**
     * The drawing, in a given room.
     *
     * @param room pixels; where names need more, columns become narrower and the longest are cut,
     *     and said whole when pointed at
     */
    static String svg(Lineage l, int room) {
        List<List<Node>> columns = List.of(l.shards(), l.ingredients(), l.soups());
        int[] wide = widths(columns, room - 2 * MARGIN - 2 * NARROWEST_GAP);
        int boxes = IntStream.of(wide).sum();
        int gap = Math.clamp((room - 2L * MARGIN - boxes) / 2, NARROWEST_GAP, GAP);
        int rows = columns.stream().mapToInt(List::size).max().orElse(0);
        int height = TOP + Math.max(1, rows) * ROW + 20;
        int width = boxes + 2 * gap + 2 * MARGIN;
        StringBuilder b = new StringBuilder();
        b.append(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\">\n"
                        .formatted(width, height, width, height));
        b.append("<title>Shards, ingredients and soups, by Diffusion Soup</title>\n");
        Map<Long, Place> places = new HashMap<>();
        int x = MARGIN;
        List<String> titles = List.of("shards", "ingredients", "soups");
        StringBuilder boxesAbove = new StringBuilder();
        for (int c = 0; c < columns.size(); c++) {
            boxesAbove.append(
                    "<text class=\"heading\" x=\"%d\" y=\"28\" font-size=\"15\" fill=\"#555\">%s</text>\n"
                            .formatted(x, titles.get(c)));
            for (int r = 0; r < columns.get(c).size(); r++) {
                Node n = columns.get(c).get(r);
                Place place = new Place(n, x, TOP + r * ROW, wide[c]);
                places.put(n.id(), place);
                node(boxesAbove, place);
            }
            x += wide[c] + gap;
        }
        for (Edge e : l.edges()) {
            edge(b, e, places, gap);
        }
        return b.append(boxesAbove).append("</svg>\n").toString();
    }

    /** Where a box is. */
    private record Place(Node node, int x, int y, int wide) {}

    /** As wide as each column's names need, the widest made narrower until they fit. */
    private static int[] widths(List<List<Node>> columns, int room) {
        int[] wide = columns.stream().mapToInt(LineageSvg::width).toArray();
        int most = WIDEST;
        while (most > NARROWEST && IntStream.of(wide).sum() > room) {
            most--;
            for (int c = 0; c < wide.length; c++) {
                wide[c] = Math.min(wide[c], most);
            }
        }
        return wide;
    }

    private static int width(List<Node> column) {
        double needed =
                column.stream()
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

    private static void edge(StringBuilder b, Edge e, Map<Long, Place> places, int gap) {
        Place from = places.get(e.from());
        Place to = places.get(e.to());
        if (from == null || to == null) {
            return;
        }
        Node a = from.node();
        Node z = to.node();
        boolean gone = a.withdrawn() || z.withdrawn();
        int x1 = from.x() + from.wide();
        int y1 = from.y() + BOX / 2;
        int y2 = to.y() + BOX / 2;
        b.append(
                String.format(
                        Locale.ROOT,
                        "<g%s><path class=\"line\" d=\"M%d %d C%d %d %d %d %d %d\" fill=\"none\" stroke=\"%s\"%s><title>%s</title></path></g>\n",
                        gone || z.superseded() ? " class=\"gone\"" : "",
                        x1,
                        y1,
                        x1 + gap / 2,
                        y1,
                        to.x() - gap / 2,
                        y2,
                        to.x(),
                        y2,
                        gone ? "#ccc" : z.superseded() ? "#bbb" : "#4477aa",
                        gone ? " stroke-dasharray=\"4 3\"" : "",
                        escape(a.name())
                                + " in "
                                + escape(z.name())
                                + (e.label().isEmpty() ? "" : ": " + escape(e.label()))));
    }

    private static void node(StringBuilder b, Place at) {
        Node n = at.node();
        boolean grey = n.withdrawn() || n.superseded();
        b.append(
                "<g%s><rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" stroke=\"%s\"/>"
                        .formatted(
                                grey ? " class=\"gone\"" : "",
                                at.x(),
                                at.y(),
                                at.wide(),
                                BOX,
                                grey ? "#f4f4f4" : "#eef4fb",
                                grey ? "#ccc" : "#4477aa"));
        b.append(
                "<text class=\"name\" x=\"%d\" y=\"%d\" font-size=\"13\" fill=\"%s\"%s>%s</text>"
                        .formatted(
                                at.x() + 8,
                                at.y() + 15,
                                grey ? "#999" : "#222",
                                n.withdrawn() ? " text-decoration=\"line-through\"" : "",
                                escape(shorten(n.name(), fitting(at.wide(), NAME_LETTER)))));
        b.append(
                "<text class=\"about\" x=\"%d\" y=\"%d\" font-size=\"10\" fill=\"#777\">%s</text>"
                        .formatted(
                                at.x() + 8,
                                at.y() + 28,
                                escape(shorten(n.about(), fitting(at.wide(), ABOUT_LETTER)))));
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
