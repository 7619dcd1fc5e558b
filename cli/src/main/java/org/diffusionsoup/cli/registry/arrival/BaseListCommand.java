package org.diffusionsoup.cli.registry.arrival;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code soup base list}. */
@Command(
        name = "list",
        description = "List the bases, withdrawn ones too.",
        footer = "  soup base list --json")
final class BaseListCommand extends SoupCommand {
    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        List<Map<String, Object>> json = new ArrayList<>();
        TextTable t = new TextTable("base", "checkpoint", "");
        for (BaseRow b : registry.openToRead().read(Queries::bases)) {
            Map<String, Object> o = new LinkedHashMap<>();
            o.put("entry", b.id());
            o.put("name", b.name());
            o.put("checkpoint", b.checkpoint());
            o.put("withdrawn", b.withdrawn().isPresent());
            json.add(o);
            t.row(
                    b.name(),
                    b.checkpoint().substring(0, 12),
                    b.withdrawn().isPresent() ? "withdrawn" : "");
        }
        console.result(
                Map.of("bases", json),
                text ->
                        t.printOr(
                                text, "no base yet; record one with: soup base add NAME WEIGHTS"));
    }
}
