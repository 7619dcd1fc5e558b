package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.core.io.ProjectFiles;
import org.diffusionsoup.data.scene.Drawings;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine.Option;

/** Which drawings scenes are made of; a mixin of the commands that make some. */
public final class DrawingsFlag {
    /** What there is without any flag, wherever the command is typed. */
    public static final String SHIPPED = "shards/drawings of this project";

    @Option(
            names = "--drawings",
            paramLabel = "DIR",
            description = "Drawings that scenes are made of (default: " + SHIPPED + ").")
    private Optional<Path> folder = Optional.empty();

    /** The folder they lie in. */
    public Path folder() {
        return folder.orElseGet(DrawingsFlag::shipped);
    }

    /** The committed drawings. */
    public static Path shipped() {
        return Path.of(System.getProperty(ProjectFiles.HOME, ".")).resolve("shards/drawings");
    }

    /** Reads them, and shows how far that is. */
    public Drawings load(Progress progress) {
        return Drawings.load(folder(), new CountedSteps(progress, "drawings")::update);
    }
}
