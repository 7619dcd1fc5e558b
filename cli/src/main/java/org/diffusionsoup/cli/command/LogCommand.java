package org.diffusionsoup.cli.command;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Queries;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup log}: what happened. */
@Command(
        name = "log",
        description = "Show the ledger's entries, newest first.",
        footer = {"  soup log", "  soup log -n 5 --json"})
final class LogCommand extends SoupCommand {
    @Option(
            names = {"-n", "--newest"},
            defaultValue = "50",
            paramLabel = "N",
            description = "How many (default: ${DEFAULT-VALUE}).")
    private int newest;

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        if (newest < 1) {
            throw misuse("--newest must be at least 1, not " + newest + ".");
        }
        List<Entry> entries = registry.open().read((Queries q) -> q.newest(newest));
        List<Map<String, Object>> json = new ArrayList<>();
        TextTable t = new TextTable("entry", "time", "what", "", "hash");
        for (Entry e : entries) {
            String about =
                    e.body()
                            .string("name")
                            .or(() -> e.body().string("reason"))
                            .or(() -> e.body().string("what"))
                            .or(() -> e.body().string("place"))
                            .orElse("");
            Map<String, Object> o = new LinkedHashMap<>();
            o.put("entry", e.seq());
            o.put("time", e.time());
            o.put("kind", e.kind().word());
            o.put("about", about);
            o.put("hash", e.hash());
            json.add(o);
            t.row(e.seq(), e.time(), e.kind().word(), about, e.hash().substring(0, 12));
        }
        console.result(Map.of("entries", json), t::print);
    }
}
