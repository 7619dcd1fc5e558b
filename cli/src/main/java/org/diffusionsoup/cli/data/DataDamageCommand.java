package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.scene.DamagedRows;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data damage}: clean pictures as a crawl would have brought them. */
@Command(
        name = "damage",
        description =
                "Write a shard's pictures as a crawl would have brought them: blurred, grainy,"
                        + " washed out, with watermarks and scraps (docs/scenes.md). Captions and"
                        + " all else stay.",
        footer = {
            "  soup data damage shards/emoji#provider=noto --tier ae1 --grounds 0.7 -o dirty.tar",
            "  soup data sheet dirty.tar -o dirty.png"
        })
final class DataDamageCommand extends SoupCommand {
    @Parameters(
            paramLabel = "SHARD",
            arity = "1..*",
            description = "Tars, folders of data sets, or views; their rows become one shard.")
    private List<String> shards = List.of();

    @Option(
            names = "--tier",
            defaultValue = "ae1",
            paramLabel = "TIER",
            description =
                    "How bad: web (half of them), or a grade from ae1, the worst, to ae4; ae5 and"
                            + " curated damage nothing (default: ${DEFAULT-VALUE}).")
    private Tier tier = Tier.AE1;

    @Option(
            names = "--grounds",
            defaultValue = "0",
            paramLabel = "SHARE",
            description =
                    "Share of the pictures whose white surroundings become a ground of another"
                            + " colour or a pattern, 0 to 1 (default: ${DEFAULT-VALUE}).")
    private double grounds;

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Seed of all damages (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "TAR",
            description = "The shard to write.")
    private Path out = Path.of(".");

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        OutputKind.TAR.check(out, force);
        Inputs.keep(out, shards.stream().map(s -> ShardRef.parse(s).path()).toList(), "its shard");
        List<Shard> parts = shards.stream().map(s -> ShardRef.parse(s).open()).toList();
        DamagedRows damage = new DamagedRows(tier, grounds, seed);
        List<Sample> rows = new ArrayList<>();
        try (Progress progress = console.progress()) {
            progress.start("damage", parts.stream().mapToInt(Shard::size).sum(), "images");
            for (Shard part : parts) {
                part.stream()
                        .forEach(row -> {
                            rows.add(damage.apply(row));
                            progress.advance(1);
                        });
            }
        }
        ShardWriter.write(out, rows);
        String word = tier.name().toLowerCase(Locale.ROOT);
        console.result(
                Map.of(
                        "shard",
                        out.toString(),
                        "rows",
                        rows.size(),
                        "tier",
                        word,
                        "grounds",
                        grounds,
                        "seed",
                        seed),
                text -> text.printf("%s: %s, tier %s%n", out, Plural.of(rows.size(), "row"), word));
    }
}
