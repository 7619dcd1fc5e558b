package org.diffusionsoup.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.workbench.Progress;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which registry; a mixin of the commands that use one. */
public final class RegistryFlag {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--registry",
            paramLabel = "DIR",
            description = "The registry (default: $SOUP_REGISTRY, otherwise ./soup-registry).")
    private Optional<Path> folder = Optional.empty();

    /** Where it is, or would be. */
    public Path folder() {
        return folder.orElseGet(() -> {
            String set = System.getenv("SOUP_REGISTRY");
            return Path.of(set == null || set.isBlank() ? "soup-registry" : set);
        });
    }

    /**
     * Refuses an output among the weights, where it would count as something that somebody put
     * there.
     */
    public void checkOutside(Path out) {
        Path store = openToRead().store().folder().toAbsolutePath().normalize();
        if (out.toAbsolutePath().normalize().startsWith(store)) {
            throw new SoupException(
                    out
                            + " is in the registry's store of weights, "
                            + store
                            + "; name another --out.");
        }
    }

    public Registry open() {
        Registry r = Registry.open(folder());
        CommandLine line = spec.commandLine();
        boolean quiet =
                line.getParseResult().hasMatchedOption("--quiet")
                        || line.getParseResult().hasMatchedOption("--json");
        if (!quiet) {
            Registry.unusedDate().ifPresent(line.getErr()::println);
        }
        return r;
    }

    /** To look at it only: needs no secret key, and nothing that can be written. */
    public Registry openToRead() {
        return Registry.openToRead(folder());
    }

    /** One that shows how far averaging is. */
    public Registry open(Progress progress) {
        return open().with(SoupOptions.DEFAULT.withProgress(new MegabyteSteps(progress)));
    }
}
