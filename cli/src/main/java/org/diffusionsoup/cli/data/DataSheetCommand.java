package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.image.ContactSheet;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data sheet}: the pictures at a glance. */
@Command(
        name = "sheet",
        description = "Put a shard's pictures on one contact sheet.",
        footer = {
            "  soup data sheet photos.tar -o photos.png",
            "  soup data sheet 'shards/emoji#domain=animals' -o animals.png --max 100 --columns 10"
        })
final class DataSheetCommand extends SoupCommand {
    private static final int MAX_TILE = 128;

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
            paramLabel = "N",
            description = "Pictures per row (default: as many as make the sheet about square).")
    private Optional<Integer> columns = Optional.empty();

    @Option(
            names = "--tile",
            paramLabel = "N",
            description =
                    "Side of a picture on the sheet in pixels (default: that of the first, at most "
                            + MAX_TILE
                            + "). Others are fitted to it.")
    private Optional<Integer> tile = Optional.empty();

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        if (max < 1) {
            throw misuse("--max must be at least 1, not " + max + ".");
        }
        if (columns.isPresent() && columns.get() < 1) {
            throw misuse("--columns must be at least 1, not " + columns.get() + ".");
        }
        if (tile.isPresent() && (tile.get() < 1 || tile.get() > 1024)) {
            throw misuse("--tile must be 1 to 1024, not " + tile.get() + ".");
        }
        OwnOutputs.PICTURE.check(out, force);
        Shard shard = ShardRef.parse(ref).open();
        int count = Math.min(max, shard.size());
        int across = columns.orElseGet(() -> ContactSheet.columns(count));
        List<RgbImage> pictures = new ArrayList<>();
        try (Progress progress = console.progress()) {
            progress.start("sheet", count, "images");
            int side = 0;
            for (int i = 0; i < count; i++) {
                RgbImage image = shard.get((int) ((long) i * shard.size() / count)).image();
                if (i == 0) {
                    int longer = Math.max(image.width(), image.height());
                    side = tile.orElse(Math.min(MAX_TILE, longer));
                    ContactSheet.checkSize(count, side, side, across);
                }
                pictures.add(image.paddedToSquare().resized(side, side));
                progress.advance(1);
            }
        }
        PngFiles.write(out, ContactSheet.of(pictures, across), OwnOutputs.MARK);
        console.result(
                Map.of("sheet", out.toString(), "pictures", count, "rows", shard.size()),
                text ->
                        text.printf(
                                "%s: %,d of %s%s%n",
                                out,
                                count,
                                Plural.of(shard.size(), "picture"),
                                count < shard.size()
                                        ? ", evenly spread; --max %d shows all"
                                                .formatted(shard.size())
                                        : ""));
    }
}
