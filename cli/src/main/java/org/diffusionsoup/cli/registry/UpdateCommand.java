package org.diffusionsoup.cli.registry;

import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
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
public final class UpdateCommand extends SoupCommand {
    @Parameters(paramLabel = "SOUP", description = "A soup made with --follow.")
    private String soup = "";

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        SoupRow before;
        SoupRow made;
        try (Progress progress = console.progress()) {
            Registry r = registry.open(progress);
            before = r.read(q -> Names.soup(q, soup));
            made = r.update(soup);
            SoupText.tell(console, r, Optional.empty(), made);
        }
        boolean updated = made.id() != before.id();
        Map<String, Object> json = SoupText.json(made);
        json.put("updated", updated);
        console.result(
                json,
                text -> {
                    if (!updated) {
                        text.println(
                                "Nothing new has come since soup "
                                        + made.label()
                                        + ": it has all ingredients that there are.");
                    }
                    SoupText.print(made, text);
                });
    }
}
