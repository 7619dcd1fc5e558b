package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;

/**
 * A lineage as a drawing: shards, ingredients and soups in columns, then the bases that soups
 * became, with their ingredients and soups, and so on; withdrawn ones struck out.
 */
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
        List<Column> all = columns(l);
        List<List<Node>> columns = all.stream().map(Column::nodes).toList();
        int gaps = columns.size() - 1;
        int[] wide = widths(columns, room - 2 * MARGIN - gaps * NARROWEST_GAP);
        int boxes = IntStream.of(wide).sum();
        int gap = Math.clamp((room - 2L * MARGIN - boxes) / gaps, NARROWEST_GAP, GAP);
        int rows = columns.stream().mapToInt(List::size).max().orElse(0);
        int height = TOP + Math.max(1, rows) * ROW + 20;
        int width = boxes + gaps * gap + 2 * MARGIN;
        StringBuilder b = new StringBuilder();
        b.append(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\">\n"
                        .formatted(width, height, width, height));
        b.append("<title>Shards, ingredients and soups, by Diffusion Soup</title>\n");
        Map<Long, Place> places = new HashMap<>();
        int x = MARGIN;
        StringBuilder boxesAbove = new StringBuilder();
        for (int c = 0; c < columns.size(); c++) {
            boxesAbove.append(
                    "<text class=\"heading\" x=\"%d\" y=\"28\" font-size=\"15\" fill=\"#555\">%s</text>\n"
                            .formatted(x, all.get(c).title()));
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

    /** Things of one kind and generation. */
    private record Column(String title, List<Node> nodes) {}

    /**
     * A base that was made of a soup begins a generation of its own, right of that soup; the first
     * one is there also where it is empty.
     */
    private static List<Column> columns(Lineage l) {
        Map<Long, Integer> of = generations(l);
        int last = of.values().stream().mapToInt(g -> g).max().orElse(0);
        List<Column> columns = new ArrayList<>();
        columns.add(new Column("shards", l.shards()));
        for (int g = 0; g <= last; g++) {
            if (g > 0) {
                columns.add(new Column("bases", of(l.bases(), of, g)));
            }
            columns.add(new Column("ingredients", of(l.ingredients(), of, g)));
            columns.add(new Column("soups", of(l.soups(), of, g)));
        }
        return columns.stream().filter(c -> last == 0 || !c.nodes().isEmpty()).toList();
    }

    private static List<Node> of(List<Node> nodes, Map<Long, Integer> generations, int g) {
        return nodes.stream().filter(n -> generations.getOrDefault(n.id(), 0) == g).toList();
    }

    /** Entries come after what they were made of, but for copies, of which either may be first. */
    private static Map<Long, Integer> generations(Lineage l) {
        Set<Long> bases = new HashSet<>();
        l.bases().forEach(b -> bases.add(b.id()));
        Map<Long, List<Edge>> into = new TreeMap<>();
        bases.forEach(b -> into.put(b, new ArrayList<>()));
        for (List<Node> nodes : List.of(l.ingredients(), l.soups())) {
            nodes.forEach(n -> into.put(n.id(), new ArrayList<>()));
        }
        l.edges().forEach(e -> into.computeIfAbsent(e.to(), k -> new ArrayList<>()).add(e));
        Map<Long, Integer> generations = new HashMap<>();
        into.forEach((id, edges) -> {
            int least = bases.contains(id) ? 1 : 0;
            int most = 0;
            for (Edge e : edges) {
                int g = generations.getOrDefault(e.from(), 0);
                boolean next = bases.contains(id) && !bases.contains(e.from());
                most = Math.max(most, next ? g + 1 : g);
            }
            generations.put(id, Math.max(least, most));
        });
        return generations;
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
