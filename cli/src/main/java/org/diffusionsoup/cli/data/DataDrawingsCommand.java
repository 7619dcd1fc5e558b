package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.DrawingsFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Domains;
import org.diffusionsoup.data.artwork.EmojiProvider;
import org.diffusionsoup.data.scene.Drawing;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.OpenClipart;
import org.diffusionsoup.data.scene.Subject;
import org.diffusionsoup.data.scene.Subjects;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureGrid;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.OwnOutputs;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup data drawings}: who drew what, at a glance. */
@Command(
        name = "drawings",
        description = {
            "Put the drawings that scenes are composed of on one sheet.",
            "A row per subject; a column per emoji set, and the clip art to the right."
        },
        footer = {
            "  soup data drawings -o sheet.png",
            "  soup data drawings drawings -o animals.png --domain animals --tile 96"
        })
final class DataDrawingsCommand extends SoupCommand {
    private static final int WHITE = 0xffffff;
    private static final List<String> PROVIDERS =
            Stream.concat(
                            Arrays.stream(EmojiProvider.values()).map(EmojiProvider::id),
                            Stream.of(OpenClipart.PROVIDER))
                    .toList();

    @Parameters(
            arity = "0..1",
            paramLabel = "DIR",
            description = "Folder of drawings (default: " + DrawingsFlag.SHIPPED + ").")
    private Optional<Path> folder = Optional.empty();

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "PNG",
            description = "The picture to write.")
    private Path out = Path.of(".");

    @Option(
            names = "--domain",
            paramLabel = "NAME",
            description = "Show the subjects of one domain only.")
    private Optional<String> domain = Optional.empty();

    @Option(
            names = "--first",
            paramLabel = "N",
            description = "Show only the first N subjects of each domain.")
    private Optional<Integer> first = Optional.empty();

    @Option(
            names = "--tile",
            defaultValue = "64",
            paramLabel = "N",
            description = "Side of a drawing in pixels, 16 to 96 (default: ${DEFAULT-VALUE}).")
    private int tile;

    @Option(names = "--force", description = "Replace an existing --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        if (first.isPresent() && first.get() < 1) {
            throw misuse("--first must be at least 1, not " + first.get() + ".");
        }
        if (tile < 16 || tile > Drawing.SIDE) {
            throw misuse("--tile must be 16 to " + Drawing.SIDE + ", not " + tile + ".");
        }
        domain.filter(name -> !Domains.PAPER.contains(name))
                .ifPresent(name -> {
                    throw misuse(
                            "--domain must be one of %s, not %s."
                                    .formatted(String.join(", ", Domains.PAPER), name));
                });
        OwnOutputs.PICTURE.check(out, force);
        Path from = folder.orElseGet(DrawingsFlag::shipped);
        Drawings drawings;
        try (Progress progress = console.progress()) {
            drawings = Drawings.load(from, new CountedSteps(progress, "drawings")::update);
        }
        List<Drawing> shown = new ArrayList<>();
        Map<Subject, Map<String, List<Drawing>>> rows = new LinkedHashMap<>();
        Map<String, Integer> widths = new LinkedHashMap<>();
        PROVIDERS.forEach(provider -> widths.put(provider, 0));
        Map<String, Integer> perDomain = new HashMap<>();
        for (Subject subject : Subjects.all()) {
            List<Drawing> its = drawings.of(subject.name());
            if (its.isEmpty()
                    || domain.filter(d -> !d.equals(subject.domain())).isPresent()
                    || perDomain.merge(subject.domain(), 1, Integer::sum)
                            > first.orElse(Integer.MAX_VALUE)) {
                continue;
            }
            shown.addAll(its);
            Map<String, List<Drawing>> byProvider =
                    its.stream().collect(Collectors.groupingBy(Drawing::provider));
            rows.put(subject, byProvider);
            byProvider.forEach((provider, d) -> widths.merge(provider, d.size(), Math::max));
        }
        if (shown.isEmpty()) {
            throw new SoupException(from + " holds no drawing of these subjects.");
        }
        try (Progress progress = console.progress()) {
            progress.start("lay out", rows.size(), "subjects");
            PngFiles.write(out, sheet(rows, widths, progress), OwnOutputs.MARK);
        }
        console.result(
                Map.of("sheet", out.toString(), "drawings", shown.size(), "subjects", rows.size()),
                text ->
                        text.printf(
                                "%s: %s of %s%n",
                                out,
                                Plural.of(shown.size(), "drawing"),
                                Plural.of(rows.size(), "subject")));
    }

    private RgbImage sheet(
            Map<Subject, Map<String, List<Drawing>>> rows,
            Map<String, Integer> widths,
            Progress progress) {
        byte[] white = new byte[3 * tile * tile];
        Arrays.fill(white, (byte) WHITE);
        RgbImage blank = new RgbImage(tile, tile, white);
        List<String> columns = new ArrayList<>();
        widths.forEach((provider, width) -> {
            for (int i = 0; i < width; i++) {
                columns.add(
                        i > 0
                                ? ""
                                : provider.equals(OpenClipart.PROVIDER)
                                        ? OpenClipart.STYLE
                                        : provider);
            }
        });
        PictureGrid grid = PictureGrid.columns(columns).scale(1);
        rows.forEach((subject, byProvider) -> {
            List<RgbImage> pictures = new ArrayList<>();
            widths.forEach((provider, width) -> {
                List<Drawing> its = byProvider.getOrDefault(provider, List.of());
                for (int i = 0; i < width; i++) {
                    pictures.add(
                            i < its.size()
                                    ? its.get(i).image().over(WHITE).resized(tile, tile)
                                    : blank);
                }
            });
            grid.row(subject.name(), pictures);
            progress.advance(1);
        });
        return grid.render();
    }
}
