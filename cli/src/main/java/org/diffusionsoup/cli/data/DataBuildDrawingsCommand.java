package org.diffusionsoup.cli.data;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.artwork.EmojiPackages;
import org.diffusionsoup.data.artwork.NpmPackages;
import org.diffusionsoup.data.scene.Drawing;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.data.scene.DrawingsBuilder;
import org.diffusionsoup.data.scene.OpenClipart;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup data build-drawings}: the committed drawings from their sources. */
@Command(
        name = "build-drawings",
        description = {
            "Build the drawings that scenes are composed of from five emoji sets of four open projects"
                    + " and the Open Clip Art Library.",
            "The same sources give the same bytes; shards/drawings in this project was made so."
        },
        footer = {
            "  soup data build-drawings --out drawings",
            "  soup data build-drawings --out drawings --packages node_modules"
                    + " --openclipart /usr/share/openclipart/svg --force"
        })
final class DataBuildDrawingsCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder to write.")
    private Path out = Path.of(".");

    @Option(
            names = "--packages",
            paramLabel = "DIR",
            description = "A node_modules folder with the sets (default: fetched with npm).")
    private Optional<Path> packages = Optional.empty();

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description = "Where fetched packages are kept (default: .soup/npm in the project).")
    private Optional<Path> cache = Optional.empty();

    @Option(
            names = "--openclipart",
            paramLabel = "DIR",
            description =
                    "The folder svg of Debian's package openclipart-svg (default:"
                            + " /usr/share/openclipart/svg).")
    private Path openClipart = OpenClipart.INSTALLED;

    @Option(names = "--no-openclipart", description = "Leave the clip art out.")
    private boolean noOpenClipart;

    @Option(names = "--force", description = "Replace the drawings in --out.")
    private boolean force;

    @Override
    protected void run(Console console) {
        if (force) {
            Drawings.KIND.checkOwn(out);
        } else {
            Drawings.KIND.check(out, false);
        }
        OpenClipart clipArt =
                noOpenClipart
                        ? new OpenClipart(openClipart, List.of())
                        : OpenClipart.chosenIn(openClipart);
        clipArt.check(); // before anything is fetched
        Path home = Path.of(System.getProperty("soup.home", "."));
        EmojiPackages sets =
                new EmojiPackages(
                        packages.orElseGet(() -> {
                            console.note("Fetching the packages with npm…");
                            return NpmPackages.fetch(
                                    cache.orElse(home.resolve(".soup/npm")),
                                    EmojiPackages.pinned());
                        }));
        Drawings drawings;
        try (Progress progress = console.progress()) {
            drawings = DrawingsBuilder.build(sets, clipArt, out, new DataProgress(progress));
        }
        long subjects = drawings.all().stream().map(Drawing::subject).distinct().count();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("drawings", out.toString());
        result.put("rows", drawings.all().size());
        result.put("subjects", subjects);
        result.put("sha256", drawings.sha256());
        console.result(
                result,
                text -> {
                    text.printf(
                            "%s: %s of %s%n",
                            out,
                            Plural.of(drawings.all().size(), "drawing"),
                            Plural.of(subjects, "subject"));
                    text.println("sha256 " + drawings.sha256());
                });
    }
}
