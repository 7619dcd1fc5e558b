package org.diffusionsoup.cli.command;

import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.Registry;
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
            "  soup publish everyone --to https://example.org/models --require audit",
            "  soup publish everyone --to 'internal demo'"
        })
final class PublishCommand extends SoupCommand {
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
            split = ",",
            paramLabel = "WHAT",
            description = "Evaluations that must have passed, such as audit.")
    private List<String> required = List.of();

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Registry r = registry.open();
        SoupRow s = r.read(q -> Registry.soup(q, soup));
        boolean earlier =
                r.read(q ->
                        q.soups().stream()
                                .filter(o -> o.name().equals(s.name()) && o.id() != s.id())
                                .anyMatch(o -> !q.publications(o.id()).isEmpty()));
        long entry = r.publish(soup, place, required);
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
