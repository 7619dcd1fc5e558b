package org.diffusionsoup.cli.registry.arrival;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code soup base add}. */
@Command(
        name = "add",
        description = "Record a base and store its weights.",
        footer = "  soup base add emoji models/emoji-base")
final class BaseAddCommand extends SoupCommand {
    @Parameters(paramLabel = "NAME", description = "What to call it.")
    private String name = "";

    @Parameters(paramLabel = "WEIGHTS", description = "A diffusers folder or a .safetensors file.")
    private Path weights = Path.of("");

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        Registry r = registry.open();
        BaseRow b = r.addBase(name, weights);
        LeftOutNote.say(console, weights, r.store().manifest(b.checkpoint()));
        console.result(
                Map.of("entry", b.id(), "name", b.name(), "checkpoint", b.checkpoint()),
                text -> text.println("base " + b.name() + ", entry " + b.id()));
    }
}
