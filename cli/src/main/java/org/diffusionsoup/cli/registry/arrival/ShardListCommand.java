package org.diffusionsoup.cli.registry.arrival;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.registry.Lineage;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code soup shard list}. */
@Command(
        name = "list",
        description = "List the shards, withdrawn ones too.",
        footer = "  soup shard list --json")
final class ShardListCommand extends SoupCommand {
    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected void run(Console console) {
        record Found(List<ShardRow> shards, Map<Long, Long> withdrawn) {}
        Found found = registry.openToRead().read(q -> new Found(q.shards(), q.withdrawnPictures()));
        List<ShardRow> shards = found.shards();
        List<Map<String, Object>> json = new ArrayList<>();
        for (ShardRow s : shards) {
            Map<String, Object> o = new LinkedHashMap<>();
            o.put("entry", s.id());
            o.put("name", s.name());
            o.put("provider", s.provider());
            o.put("licence", s.licence());
            o.put("uses", s.uses());
            o.put("expires", s.expires().orElse(""));
            o.put("samples", s.samples());
            o.put("withdrawn_samples", found.withdrawn().getOrDefault(s.id(), 0L));
            o.put("root", s.root());
            o.put("source", s.source());
            o.put("withdrawn", s.withdrawn().isPresent());
            json.add(o);
        }
        console.result(
                Map.of("shards", json),
                text -> {
                    TextTable t =
                            new TextTable(
                                    "shard", "provider", "licence", "pictures", "expires", "");
                    shards.forEach(s ->
                            t.row(
                                    s.name(),
                                    s.provider(),
                                    s.licence(),
                                    Lineage.count(s, found.withdrawn().getOrDefault(s.id(), 0L)),
                                    s.expires().orElse(""),
                                    s.withdrawn().isPresent() ? "withdrawn" : ""));
                    t.printOr(
                            text,
                            "no shard yet; record one with: soup shard add NAME --data SHARD");
                });
    }
}
