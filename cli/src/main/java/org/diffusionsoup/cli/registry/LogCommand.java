package org.diffusionsoup.cli.registry;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup log}: what happened. */
@Command(
        name = "log",
        description = "Show the ledger's entries, newest first.",
        footer = {"  soup log", "  soup log -n 5 --json", "  soup log --head"})
public final class LogCommand extends SoupCommand {
    @Option(
            names = {"-n", "--newest"},
            defaultValue = "50",
            paramLabel = "N",
            description = "How many (default: ${DEFAULT-VALUE}).")
    private int newest;

    @Option(
            names = "--head",
            description =
                    "Print the newest entry's number, hash and signature, to be kept elsewhere for"
                            + " 'soup fsck --certificate'.")
    private boolean head;

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) throws IOException {
        if (head) {
            String text = Json.pretty(registry.openToRead().head());
            console.result(JsonMappers.PLAIN.readTree(text), t -> t.print(text));
            return;
        }
        if (newest < 1) {
            throw misuse("--newest must be at least 1, not " + newest + ".");
        }
        record Read(List<Entry> entries, Map<Long, String> about) {}
        Read read =
                registry.openToRead()
                        .read((Queries q) -> {
                            Map<Long, String> about = new HashMap<>();
                            List<Entry> some = q.newest(newest);
                            some.forEach(e -> about.put(e.seq(), EntryWords.about(q, e)));
                            return new Read(some, about);
                        });
        List<Map<String, Object>> json = new ArrayList<>();
        TextTable t = new TextTable("entry", "time", "what", "", "hash");
        for (Entry e : read.entries()) {
            String about = read.about().getOrDefault(e.seq(), "");
            Map<String, Object> o = new LinkedHashMap<>();
            o.put("entry", e.seq());
            o.put("time", e.time());
            o.put("kind", e.kind().word());
            o.put("about", about);
            e.body().string("reason").ifPresent(r -> o.put("reason", r));
            o.put("hash", e.hash());
            json.add(o);
            t.row(
                    e.seq(),
                    e.time(),
                    e.kind().word(),
                    Visible.shortened(about),
                    e.hash().substring(0, 12));
        }
        console.result(Map.of("entries", json), t::print);
    }
}
