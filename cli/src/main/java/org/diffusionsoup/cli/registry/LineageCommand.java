package org.diffusionsoup.cli.registry;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.Lineage.Edge;
import org.diffusionsoup.registry.Lineage.Node;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.context.Names.Named;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.registry.LineagePage;
import org.diffusionsoup.workbench.registry.LineageSvg;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup lineage}: who is in what. */
@Command(
        name = "lineage",
        description = {
            "Show which shards are in which ingredients, these in which soups, and what came of soups"
                    + " that were recorded as bases; as text, or drawn as .svg or .html with what was"
                    + " withdrawn struck out."
        },
        footer = {
            "  soup lineage everyone",
            "  soup lineage acme",
            "  soup lineage -o lineage.html"
        })
public final class LineageCommand extends SoupCommand {
    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description =
                    "A soup (or SOUP@VERSION), a shard, an ingredient, or the number of their"
                            + " entry; default: everything.")
    private Optional<String> name = Optional.empty();

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "Draw it: a .svg or .html file.")
    private Optional<Path> out = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (out.isPresent() && !out.get().toString().matches("(?s).*\\.(svg|html)")) {
            throw misuse("--out must end in .svg or .html, not " + out.get() + ".");
        }
        out.ifPresent(file ->
                (file.toString().endsWith(".svg") ? OwnOutputs.DRAWING : OwnOutputs.PAGE)
                        .checkOwn(file));
        out.ifPresent(registry::checkOutside);
        Registry r = registry.openToRead();
        name.ifPresent(n -> tell(console, r, n));
        Lineage l = r.read(q -> lineage(q, r.store()));
        if (out.isPresent()) {
            String drawn =
                    out.get().toString().endsWith(".svg") ? LineageSvg.svg(l) : LineagePage.html(l);
            AtomicFiles.write(out.get(), drawn.getBytes(StandardCharsets.UTF_8));
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("shards", l.shards());
        json.put("bases", l.bases());
        json.put("ingredients", l.ingredients());
        json.put("soups", l.soups());
        json.put("edges", l.edges());
        console.result(
                json,
                text -> {
                    if (out.isPresent()) {
                        text.println(out.get() + ": the lineage");
                    } else if (l.shards().isEmpty()
                            && l.ingredients().isEmpty()
                            && l.soups().isEmpty()) {
                        text.println("The registry has no shards, ingredients or soups yet.");
                    } else {
                        print(l, text);
                    }
                });
    }

    /** Which of several of a name is shown: a soup before a shard. */
    private static void tell(Console console, Registry r, String name) {
        List<Named> named = r.read(q -> Names.named(q, name));
        named.stream()
                .filter(n -> n.kind().equals("soup") || n.kind().equals("shard"))
                .findFirst()
                .map(taken ->
                        NamedEntry.note(
                                taken.kind() + " '" + name + "'",
                                named.stream()
                                        .filter(n -> !n.equals(taken))
                                        .filter(n -> !n.kind().equals("ingredient"))
                                        .toList()))
                .filter(note -> !note.isEmpty())
                .ifPresent(console::note);
    }

    private Lineage lineage(Queries q, WeightStore store) {
        if (name.isEmpty()) {
            return Lineage.of(q, store);
        }
        String n = name.get();
        if (n.contains("@") || q.soup(n).isPresent()) {
            return Lineage.ofSoup(q, Names.soup(q, n), store);
        }
        Optional<ShardRow> shard = q.shard(n);
        if (shard.isPresent()) {
            return Lineage.ofShard(q, shard.get(), store);
        }
        long entry = NamedEntry.find(q, n).entry();
        return q.soup(entry)
                .map(s -> Lineage.ofSoup(q, s, store))
                .or(() -> q.ingredient(entry).map(i -> Lineage.ofIngredient(q, i, store)))
                .or(() ->
                        q.shards().stream()
                                .filter(s -> s.id() == entry)
                                .findFirst()
                                .map(s -> Lineage.ofShard(q, s, store)))
                .orElseThrow(() ->
                        new SoupException(
                                "'%s' is no soup, shard or ingredient, which have a lineage; 'soup show %s' says what it is."
                                        .formatted(n, n)));
    }

    private static void print(Lineage l, PrintWriter text) {
        Map<Long, Shown> nodes = new HashMap<>();
        name(nodes, "shard", l.shards());
        name(nodes, "base", l.bases());
        name(nodes, "ingredient", l.ingredients());
        name(nodes, "soup", l.soups());
        for (Node soup : l.soups()) {
            text.println("soup " + show(soup));
            for (Edge e : l.edges()) {
                Shown in = nodes.get(e.from());
                if (e.to() == soup.id() && in != null) {
                    text.println(
                            "  "
                                    + e.label()
                                    + "  "
                                    + show(in.node())
                                    + "  <-  "
                                    + sources(l, in.node(), nodes));
                }
            }
        }
        Set<Long> ofSoups = new HashSet<>();
        l.soups().forEach(s -> ofSoups.add(s.id()));
        for (Node b : l.bases()) {
            text.println("base " + show(b) + "  <-  " + sources(l, b, nodes));
        }
        l.ingredients().stream()
                .filter(i ->
                        l.edges().stream()
                                .noneMatch(e -> e.from() == i.id() && ofSoups.contains(e.to())))
                .forEach(i ->
                        text.println("ingredient " + show(i) + "  <-  " + sources(l, i, nodes)));
        l.shards().stream()
                .filter(s -> l.edges().stream().noneMatch(e -> e.from() == s.id()))
                .forEach(s -> text.println("shard " + show(s)));
    }

    /** A node with what it is. */
    private record Shown(String kind, Node node) {}

    private static void name(Map<Long, Shown> nodes, String kind, List<Node> all) {
        all.forEach(n -> nodes.put(n.id(), new Shown(kind, n)));
    }

    private static String sources(Lineage l, Node of, Map<Long, Shown> nodes) {
        List<String> sources = new ArrayList<>();
        for (Edge e : l.edges()) {
            Shown from = nodes.get(e.from());
            if (e.to() == of.id() && from != null) {
                sources.add(
                        from.kind()
                                + " "
                                + show(from.node())
                                + (e.label().isEmpty() ? "" : " [" + e.label() + "]"));
            }
        }
        return String.join(", ", sources);
    }

    private static String show(Node n) {
        String mark = n.withdrawn() ? " [withdrawn]" : n.superseded() ? " [superseded]" : "";
        return n.name() + mark + " (" + n.about() + ")";
    }
}
