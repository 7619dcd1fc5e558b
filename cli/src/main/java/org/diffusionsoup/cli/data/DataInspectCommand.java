package org.diffusionsoup.cli.data;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.image.RgbImage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data inspect}: the rows themselves. */
@Command(
        name = "inspect",
        description = {
            "Show what a shard is and some of its rows: split, size, key and caption.",
            "Every picture is checked against its hash."
        },
        footer = {
            "  soup data inspect photos.tar",
            "  soup data inspect 'shards/emoji#provider=noto' --rows 20 --json"
        })
final class DataInspectCommand extends SoupCommand {
    private static final int WIDEST_KEY = 40;

    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    @Option(
            names = "--rows",
            defaultValue = "10",
            paramLabel = "N",
            description = "Rows to show, evenly spread (default: ${DEFAULT-VALUE}).")
    private int rows;

    /** A row as shown. */
    private record Shown(
            String key,
            String caption,
            String split,
            String provider,
            String licence,
            String domain,
            int width,
            int height,
            String sha256) {
        static Shown of(Sample sample) {
            SampleInfo i = sample.info();
            RgbImage image = sample.image();
            return new Shown(
                    i.key(),
                    i.caption(),
                    i.split(),
                    i.provider(),
                    i.licence(),
                    i.domain(),
                    image.width(),
                    image.height(),
                    i.sha256());
        }
    }

    @Override
    protected void run(Console console) {
        if (rows < 0) {
            throw misuse("--rows must not be negative, not " + rows + ".");
        }
        Shard shard = ShardRef.parse(ref).open();
        List<Shown> shown = new ArrayList<>();
        int count = Math.min(rows, shard.size());
        for (int i = 0; i < count; i++) {
            shown.add(Shown.of(shard.get((int) ((long) i * shard.size() / count))));
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("name", shard.name());
        result.put("rows", shard.size());
        result.put("train", shard.train().size());
        result.put("heldOut", shard.heldOut().size());
        result.put("sha256", shard.sha256());
        result.put("providers", values(shard, SampleInfo::provider));
        result.put("licences", values(shard, SampleInfo::licence));
        result.put("samples", shown);
        console.result(result, text -> print(shard, shown, text));
    }

    private static void print(Shard shard, List<Shown> shown, PrintWriter text) {
        text.printf(
                "%s: %s, %,d to train on, %,d held out%n",
                shard.name(),
                Quantity.of(shard.size(), "row"),
                shard.train().size(),
                shard.heldOut().size());
        text.println("sha256    " + shard.sha256());
        text.println("providers " + words(values(shard, SampleInfo::provider)));
        text.println("licences  " + words(values(shard, SampleInfo::licence)));
        if (shown.isEmpty()) {
            return;
        }
        int widest = shown.stream().mapToInt(r -> r.key().length()).max().orElse(1);
        String line = "%-8s %-9s %-" + Math.min(WIDEST_KEY, widest) + "s  %s%n";
        text.println();
        for (Shown r : shown) {
            text.printf(line, r.split(), r.width() + "×" + r.height(), r.key(), r.caption());
        }
        if (shown.size() < shard.size()) {
            text.printf("%,d of %s, evenly spread%n", shown.size(), Plural.of(shard.size(), "row"));
        }
    }

    private static TreeSet<String> values(Shard shard, Function<SampleInfo, String> field) {
        return shard.infos().stream().map(field).collect(Collectors.toCollection(TreeSet::new));
    }

    private static String words(TreeSet<String> values) {
        return values.stream().map(DataOutput::orUnstated).collect(Collectors.joining(", "));
    }
}
