package org.diffusionsoup.cli.command;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data inspect}: the rows themselves. */
@Command(
        name = "inspect",
        description = "Show a shard's rows: key, caption, provider, split.",
        footer = {
            "  soup data inspect photos.tar",
            "  soup data inspect 'shards/emoji#provider=noto' --rows 20 --json"
        })
final class DataInspectCommand extends SoupCommand {
    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    @Option(
            names = "--rows",
            defaultValue = "10",
            paramLabel = "N",
            description = "Rows to show (default: ${DEFAULT-VALUE}).")
    private int rows;

    @Override
    protected void run(Console console) {
        if (rows < 0) {
            throw misuse("--rows must not be negative, not " + rows + ".");
        }
        Shard shard = ShardRef.parse(ref).open();
        List<SampleInfo> shown = shard.infos().subList(0, Math.min(rows, shard.size()));
        TreeSet<String> licences = new TreeSet<>();
        shard.infos().forEach(r -> licences.add(r.licence()));
        Map<String, Object> result = new TreeMap<>();
        result.put("name", shard.name());
        result.put("rows", shard.size());
        result.put("sha256", shard.sha256());
        result.put("licences", licences);
        result.put("samples", shown);
        console.result(
                result,
                text -> {
                    text.printf(
                            "%s: %,d rows, licences %s%n",
                            shard.name(), shard.size(), String.join(", ", licences));
                    text.println("sha256 " + shard.sha256());
                    text.println();
                    for (SampleInfo r : shown) {
                        text.printf("%-28s %-8s %s%n", r.key(), r.split(), r.caption());
                    }
                    if (shown.size() < shard.size()) {
                        text.printf("… and %,d more (--rows)%n", shard.size() - shown.size());
                    }
                });
    }
}
