package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.ProjectFiles;
import org.diffusionsoup.data.scene.Drawings;
import picocli.CommandLine.Option;

/** Which drawings scenes are made of; a mixin of the commands that make some. */
final class DrawingsFlag {
    /** What there is without any flag, wherever the command is typed. */
    static final String SHIPPED = "shards/drawings of this project";

    @Option(
            names = "--drawings",
            paramLabel = "DIR",
            description = "Drawings that scenes are made of (default: " + SHIPPED + ").")
    private Optional<Path> folder = Optional.empty();

    /** The folder they lie in. */
    Path folder() {
        return folder.orElseGet(DrawingsFlag::shipped);
    }

    /** The committed drawings. */
    static Path shipped() {
        return Path.of(System.getProperty(ProjectFiles.HOME, ".")).resolve("shards/drawings");
    }

    Drawings load() {
        return Drawings.load(folder());
    }
}
