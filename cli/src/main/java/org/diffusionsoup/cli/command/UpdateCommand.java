package org.diffusionsoup.cli.command;

import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code soup update}: new shards join a soup. */
@Command(
        name = "update",
        description = {
            "Average what came since into a soup that follows its shards.",
            "Reads the new ingredients and the soup's exact sum only; the bytes are those of"
                    + " averaging all afresh."
        },
        footer = "  soup update everyone")
final class UpdateCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "A soup made with --follow.")
    private String soup = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        SoupRow made;
        try (Progress progress = console.progress()) {
            made = registry.open(progress).update(soup);
        }
        console.result(SoupText.json(made), text -> SoupText.print(made, text));
    }
}
