package org.diffusionsoup.cli;

import org.diffusionsoup.core.SoupVersion;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code soup} without a command: shows what there is. */
@Command(
        name = "soup",
        versionProvider = RootCommand.Version.class,
        description =
                "Diffusion Soup: fine-tune one ingredient per data shard from one base,"
                        + " average them into a soup, and know which data is in it.",
        commandListHeading = "", // each group has its own
        optionListHeading = "%nOptions:%n",
        footerHeading = "%nExamples:%n",
        footer = {
            "  soup demo --quick",
            "  soup make noto/ fluent/ twemoji/ -o my-soup/",
            "  soup inspect my-soup/",
            "",
            "'soup COMMAND --help' tells more about a command, with examples."
        })
final class RootCommand implements Runnable {
    @Spec private CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version.")
    private boolean version;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "soup " + SoupVersion.current() + " (Java " + Runtime.version() + ")"
            };
        }
    }
}
