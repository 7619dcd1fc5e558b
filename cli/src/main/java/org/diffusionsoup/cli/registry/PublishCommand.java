package org.diffusionsoup.cli.registry;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup publish}: a soup is handed out. */
@Command(
        name = "publish",
        description = {
            "Record that a soup is handed out, and where to; refused unless what is required was"
                    + " measured of this very version and passed.",
            "A later withdrawal lists the places. Whoever holds two versions can compute what was"
                    + " taken out between them, up to rounding."
        },
        footer = {
            "  soup publish everyone --to https://example.org/models --require"
                    + " 'audit(bound=0.05, pictures>=200)'",
            "  soup publish everyone --to 'internal demo'"
        })
public final class PublishCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "The soup; its current version is meant.")
    private String soup = "";

    @Option(
            names = "--to",
            required = true,
            paramLabel = "PLACE",
            description = "Where it goes, in words or as a URL.")
    private String place = "";

    @Option(
            names = "--require",
            paramLabel = "WHAT",
            description =
                    "What must have been measured of this version and passed; repeatable: the name"
                            + " of an evaluation, or an audit with its bound and the pictures it"
                            + " rests on, of all the soup's shards or of some: 'audit(bound=0.05,"
                            + " pictures>=200, shards=acme initech)'.")
    private List<String> required = List.of();

    @Option(
            names = "--overrule",
            paramLabel = "WHO: REASON",
            description =
                    "Hand it out although something was measured and found wanting; the name and"
                            + " the reason are kept in the ledger.")
    private Optional<String> overruling = Optional.empty();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Registry r = registry.open();
        SoupRow s = r.read(q -> Names.soup(q, soup));
        boolean earlier =
                r.read(q ->
                        q.soups().stream()
                                .filter(o -> o.name().equals(s.name()) && o.id() != s.id())
                                .anyMatch(o -> !q.publications(o.id()).isEmpty()));
        long entry =
                r.publish(
                        soup,
                        place,
                        required.stream().map(Requirement::parse).toList(),
                        overruling.map(Overruling::parse));
        r.read(q -> Json.strings(q.entry(entry).body(), "unstated")).stream()
                .map(Flags::in)
                .forEach(console::note);
        if (earlier) {
            console.note(
                    "An earlier version of this soup was handed out: whoever holds both can compute"
                            + " n w_n - (n-1) w_(n-1), the ingredient between them, up to rounding.");
        }
        console.result(
                Map.of("entry", entry, "soup", s.label(), "place", place, "earlier", earlier),
                text ->
                        text.println(
                                "publication, entry " + entry + ": " + s.label() + " to " + place));
    }
}
