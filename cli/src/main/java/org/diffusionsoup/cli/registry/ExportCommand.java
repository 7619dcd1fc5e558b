package org.diffusionsoup.cli.registry;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Entry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup export}: files out of the store. */
@Command(
        name = "export",
        description = "Write a soup, ingredient or base out of the registry, byte for byte.",
        footer = {"  soup export everyone -o everyone/", "  soup export everyone@2 -o second/"})
public final class ExportCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "A name, SOUP@VERSION, or an entry's number.")
    private String name = "";

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "PATH",
            description = "A new folder, or file where the weights are one file.")
    private Path out = Path.of("");

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        ModelOutput.MODEL.checkNew(out);
        registry.checkOutside(out);
        Registry r = registry.openToRead();
        NamedEntry named = r.read(q -> NamedEntry.withWeights(q, name));
        named.tell(console);
        Entry e = r.read(q -> q.entry(named.entry()));
        String checkpoint =
                e.body()
                        .string("checkpoint")
                        .orElseThrow(() ->
                                new SoupException(
                                        "Entry "
                                                + e.seq()
                                                + " is "
                                                + Plural.one(e.kind().word())
                                                + ", which has no weights."));
        Path written = r.export(checkpoint, out);
        console.result(
                Map.of("out", written.toString(), "checkpoint", checkpoint),
                text -> text.println(written + ": entry " + e.seq()));
    }
}
