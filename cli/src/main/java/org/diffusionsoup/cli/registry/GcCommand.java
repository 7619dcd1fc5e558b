package org.diffusionsoup.cli.registry;

import java.time.Duration;
import java.util.Map;
import org.diffusionsoup.cli.command.RegistryFlag;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code soup gc}: what nothing needs goes. */
@Command(
        name = "gc",
        description = {
            "Delete weights that nothing live needs, and what killed processes left.",
            "Waits for those who are adding."
        },
        footer = {"  soup gc", "  soup gc --superseded --grace-minutes 0"})
public final class GcCommand extends SoupCommand {
    /** A hundred years. */
    private static final long MOST_MINUTES = Duration.ofDays(36_525).toMinutes();

    @Option(
            names = "--superseded",
            description =
                    "Delete older versions of soups too; their ingredients can make them again.")
    private boolean superseded;

    @Option(
            names = "--grace-minutes",
            defaultValue = "60",
            paramLabel = "N",
            description = "Keep younger files (default: ${DEFAULT-VALUE}).")
    private long grace;

    @Mixin private RegistryFlag registry = new RegistryFlag();

    @Override
    protected String stopped() {
        return "Stopped; what it had deleted is gone, and the same command deletes the rest.";
    }

    @Override
    protected void run(Console console) {
        if (grace < 0 || grace > MOST_MINUTES) {
            throw misuse(
                    "--grace-minutes must be between 0 and "
                            + MOST_MINUTES
                            + ", not "
                            + grace
                            + ".");
        }
        long freed = registry.open().collect(superseded, Duration.ofMinutes(grace).toMillis());
        console.result(
                Map.of("bytes_freed", freed),
                text -> text.println(Quantity.bytes(freed) + " freed"));
    }
}
