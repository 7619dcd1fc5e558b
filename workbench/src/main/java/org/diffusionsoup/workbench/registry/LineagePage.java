package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;
import org.diffusionsoup.report.Block;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.Table;

/** A lineage as a page: drawn, and in words. */
public final class LineagePage {
    /** Pixels that the page's column leaves for a drawing. */
    private static final int ROOM = 1036;

    private static final String BASE = "Base";
    private static final String SOUP = "Soup";

    private LineagePage() {}

    /** The page, which needs no other file. */
    public static String html(Lineage l) {
        HtmlReport page =
                HtmlReport.titled("Lineage")
                        .subtitle(
                                "Which shards are in which ingredients, these in which soups, and what came of those")
                        .footer(SoupVersion.PROGRAM + ": soup lineage");
        fact(page, "Shards", l.shards());
        if (!l.bases().isEmpty()) {
            fact(page, "Bases made of them", l.bases());
        }
        fact(page, "Ingredients", l.ingredients());
        fact(page, "Soups, all versions", l.soups());
        page.lead(
                new Block.Drawing(
                        LineageSvg.svg(l, ROOM),
                        "Withdrawn things are struck out, superseded soups are grey. Pointed at, a"
                                + " line says how much of a soup an ingredient is."),
                new Block.Details("The same in words", tables(l)));
        return page.toHtml();
    }

    private static List<Block> tables(Lineage l) {
        List<Block> tables = new ArrayList<>();
        tables.add(table("Shard", l.shards(), l, "Ingredients trained on it"));
        if (!l.bases().isEmpty()) {
            tables.add(table(BASE, l.bases(), l, "What it was made of"));
        }
        tables.add(table("Ingredient", l.ingredients(), l, "What it went into"));
        tables.add(table(SOUP, l.soups(), l, "Ingredients in it"));
        return tables;
    }

    private static void fact(HtmlReport page, String label, List<Node> nodes) {
        long gone = nodes.stream().filter(Node::withdrawn).count();
        page.fact(
                label,
                Integer.toString(nodes.size()),
                gone == 0 ? "" : Plural.of(gone, "of them was", "of them were") + " withdrawn");
    }

    private static Table table(String what, List<Node> nodes, Lineage l, String others) {
        Table.Builder t =
                Table.titled(
                        nodes.isEmpty() ? "None." : "By their entries in the ledger.",
                        what,
                        "About",
                        others);
        for (Node n : nodes) {
            List<String> named =
                    l.edges().stream()
                            .filter(e ->
                                    what.equals(SOUP) || what.equals(BASE)
                                            ? e.to() == n.id()
                                            : e.from() == n.id())
                            .map(e -> other(l, n, e))
                            .toList();
            t.row(
                    Table.Cell.text(
                            n.name(),
                            n.withdrawn() ? "withdrawn" : n.superseded() ? "superseded" : ""),
                    Table.Cell.text(n.about()),
                    Table.Cell.text(String.join(", ", named)));
        }
        return t.build();
    }

    private static String other(Lineage l, Node n, Edge e) {
        long id = e.from() == n.id() ? e.to() : e.from();
        String name =
                List.of(l.shards(), l.bases(), l.ingredients(), l.soups()).stream()
                        .flatMap(List::stream)
                        .filter(o -> o.id() == id)
                        .map(Node::name)
                        .findFirst()
                        .orElse("entry " + id);
        return e.label().isEmpty() ? name : name + " (" + e.label() + ")";
    }
}
