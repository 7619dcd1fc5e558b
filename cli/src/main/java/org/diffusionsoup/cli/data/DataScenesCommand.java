package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.SceneMaker;
import org.diffusionsoup.data.scene.SceneStream;
import org.diffusionsoup.data.scene.Tier;
import org.diffusionsoup.data.scene.Worlds;
import org.diffusionsoup.image.png.CaptionedGrid;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup data scenes}: what a tier looks like. */
@Command(
        name = "scenes",
        description =
                "Show the first scenes of a tier with their captions: what pretraining sees (web),"
                        + " the grades AE1 to AE5, what curators keep.",
        footer = {
            "  soup data scenes --tier web -o web.png",
            "  soup data scenes --tier curated --count 24 --columns 6 -o curated.png"
        })
final class DataScenesCommand extends SoupCommand {
    @Mixin private DrawingsFlag drawings = new DrawingsFlag();

    @Option(
            names = "--tier",
            defaultValue = "web",
            paramLabel = "TIER",
            description = "One of web, ae1 to ae5, curated (default: ${DEFAULT-VALUE}).")
    private Tier tier = Tier.WEB;

    @Option(
            names = "--count",
            defaultValue = "48",
            paramLabel = "N",
            description = "Scenes to show (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--columns",
            defaultValue = "8",
            paramLabel = "N",
            description = "Scenes per row (default: ${DEFAULT-VALUE}).")
    private int columns;

    @Option(
            names = "--seed",
            defaultValue = "1",
            paramLabel = "N",
            description = "Seed of the stream (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "PNG",
            description = "The picture to write.")
    private Path out = Path.of(".");

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        if (count < 1 || count > 1000 || columns < 1) {
            throw misuse("--count must be 1 to 1000 and --columns at least 1.");
        }
        OwnOutputs.PICTURE.check(out, force);
        List<CaptionedGrid.Cell> cells = new ArrayList<>();
        try (Progress progress = console.progress()) {
            Drawings all = drawings.load(progress);
            SceneMaker maker =
                    new SceneMaker(all, tier == Tier.WEB ? Worlds::onTheWeb : Worlds::known);
            SceneStream stream = new SceneStream(maker, tier, seed);
            progress.start("draw scenes", count, "scenes");
            for (int i = 0; i < count; i++) {
                SceneStream.Row row = stream.get(i);
                cells.add(new CaptionedGrid.Cell(row.image(), row.caption()));
                progress.advance(1);
            }
        }
        PngFiles.write(out, CaptionedGrid.render(cells, columns, 2), OwnOutputs.MARK);
        console.result(
                Map.of("sheet", out.toString(), "pictures", count),
                text -> text.printf("%s: %s%n", out, Plural.of(count, "scene")));
    }
}
