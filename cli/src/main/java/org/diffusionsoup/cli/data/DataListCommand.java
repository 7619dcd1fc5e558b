package org.diffusionsoup.cli.data;

import java.io.PrintWriter;
import java.util.Map;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.DatasetSummary;
import org.diffusionsoup.data.ShardRef;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code soup data list}: how many rows of what. */
@Command(
        name = "list",
        description = "Count a shard's or data set's rows by provider, domain, licence and split.",
        footer = {
            "  soup data list shards/emoji",
            "  soup data list 'shards/emoji#domain=food' --json"
        })
final class DataListCommand extends SoupCommand {
    @Parameters(
            paramLabel = "SHARD",
            description = "A tar, a data set's folder, or a view as DATASET#domain=food.")
    private String shard = "";

    @Override
    protected void run(Console console) {
        DatasetSummary s = DatasetSummary.of(ShardRef.parse(shard).open());
        console.result(s, text -> print(s, text));
    }

    private static void print(DatasetSummary s, PrintWriter text) {
        text.printf(
                "%s: %s, %,d to train on, %,d held out%s%n",
                s.name(),
                Plural.of(s.rows(), "row"),
                s.train(),
                s.heldOut(),
                s.subjects() == 0 ? "" : ", " + Plural.of(s.subjects(), "subject"));
        table("provider", s.byProvider(), text);
        table("domain", s.byDomain(), text);
        table("licence", s.byLicence(), text);
        text.println();
        text.println("sha256 " + s.sha256());
    }

    private static void table(
            String what, Map<String, DatasetSummary.Counts> counts, PrintWriter text) {
        int widest = counts.keySet().stream().mapToInt(String::length).max().orElse(0);
        String column = "%-" + Math.clamp(widest, 16, 40) + "s";
        text.printf("%n" + column + " %8s %8s %8s%n", what, "rows", "train", "heldout");
        counts.forEach((name, c) ->
                text.printf(
                        column + " %,8d %,8d %,8d%n",
                        DataOutput.orUnstated(name),
                        c.rows(),
                        c.train(),
                        c.heldOut()));
    }
}
