package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.data.ContactSheet;
import org.diffusionsoup.data.PngCodec;
import org.diffusionsoup.data.RgbImage;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data sheet}: the pictures at a glance. */
@Command(
        name = "sheet",
        description = "Put a shard's pictures on one contact sheet.",
        footer = {"  soup data sheet 'shards/emoji#domain=animals' -o animals.png"})
final class DataSheetCommand extends SoupCommand {
    @Parameters(paramLabel = "SHARD", description = "A tar, a data set's folder, or a view.")
    private String ref = "";

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "PNG",
            description = "The picture to write.")
    private Path out = Path.of(".");

    @Option(
            names = "--max",
            defaultValue = "400",
            paramLabel = "N",
            description = "Pictures to show at most, evenly spread (default: ${DEFAULT-VALUE}).")
    private int max;

    @Option(
            names = "--columns",
            defaultValue = "25",
            paramLabel = "N",
            description = "Pictures per row (default: ${DEFAULT-VALUE}).")
    private int columns;

    @Override
    protected void run(Console console) {
        if (max < 1) {
            throw misuse("--max must be at least 1, not " + max + ".");
        }
        Shard shard = ShardRef.parse(ref).open();
        int count = Math.min(max, shard.size());
        List<RgbImage> pictures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pictures.add(shard.get((int) ((long) i * shard.size() / count)).image());
        }
        AtomicFiles.write(out, PngCodec.encode(ContactSheet.of(pictures, columns)));
        console.result(
                Map.of("sheet", out.toString(), "pictures", count, "rows", shard.size()),
                text -> text.println(out + ": " + count + " of " + shard.size() + " pictures"));
    }
}
