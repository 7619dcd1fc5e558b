package org.diffusionsoup.cli.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.Dataset;
import org.diffusionsoup.data.artwork.NpmPackages;
import org.diffusionsoup.data.emoji.EmojiBuilder;
import org.diffusionsoup.data.emoji.EmojiSources;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code soup data build-emoji}: the committed shards from their sources. */
@Command(
        name = "build-emoji",
        description = {
            "Build the emoji shards of five sets from the npm packages of four open projects.",
            "The same packages give the same bytes; shards/emoji in this project was made so."
        },
        footer = {
            "  soup data build-emoji --out emoji",
            "  soup data build-emoji --out emoji --packages node_modules --force"
        })
final class DataBuildEmojiCommand extends SoupCommand {
    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "DIR",
            description = "Folder of the data set to write.")
    private Path out = Path.of(".");

    @Option(
            names = "--packages",
            paramLabel = "DIR",
            description = "A node_modules folder that has them (default: fetched with npm).")
    private Optional<Path> packages = Optional.empty();

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description = "Where fetched packages are kept (default: .soup/npm in the project).")
    private Optional<Path> cache = Optional.empty();

    @Option(names = "--force", description = "Replace the data set in --out.")
    private boolean force;

    @Override
    protected void run(Console console) throws IOException {
        if (!isEmptyFolder(out)) { // before anything is fetched
            if (force) {
                Dataset.KIND.checkOwn(out);
            } else {
                Dataset.KIND.check(out, false);
            }
        }
        Path home = Path.of(System.getProperty("soup.home", "."));
        EmojiSources sources =
                packages.map(EmojiSources::new)
                        .orElseGet(() -> {
                            console.note("Fetching the packages with npm…");
                            return new EmojiSources(
                                    NpmPackages.fetch(
                                            cache.orElse(home.resolve(".soup/npm")),
                                            EmojiSources.pinned()));
                        });
        EmojiBuilder.Report report;
        try (Progress progress = console.progress()) {
            report = EmojiBuilder.build(sources, out, new DataProgress(progress));
        }
        String sha256 = Dataset.open(out).all().sha256();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("dataset", out.toString());
        result.put("rows", report.rows());
        result.put("subjects", report.subjects());
        result.put("heldOutSubjects", report.heldOutSubjects());
        result.put("duplicates", report.duplicates());
        result.put("sha256", sha256);
        console.result(
                result,
                text -> {
                    text.printf(
                            "%s: %s of %s, %,d of them held out; %s left out%n",
                            out,
                            Plural.of(report.rows(), "picture"),
                            Plural.of(report.subjects(), "subject"),
                            report.heldOutSubjects(),
                            Plural.of(report.duplicates(), "duplicate"));
                    text.println("sha256 " + sha256);
                });
    }

    private static boolean isEmptyFolder(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.findAny().isEmpty();
        }
    }
}
