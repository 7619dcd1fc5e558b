package org.diffusionsoup.cli;

import org.diffusionsoup.core.SoupVersion;
import picocli.CommandLine;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code soup} without a command: shows what there is. */
final class RootCommand implements Runnable {
    private final CommandSpec spec = CommandSpec.wrapWithoutInspection(this);

    private RootCommand() {}

    /** Its parser, without any other command. */
    static CommandLine parser() {
        CommandSpec spec = new RootCommand().spec;
        spec.name("soup")
                .versionProvider(new Version())
                .addOption(
                        OptionSpec.builder("-h", "--help")
                                .usageHelp(true)
                                .description("Show this help.")
                                .build())
                .addOption(
                        OptionSpec.builder("-V", "--version")
                                .versionHelp(true)
                                .description("Show the version.")
                                .build());
        spec.usageMessage()
                .description(
                        "Diffusion Soup: fine-tune one ingredient per data shard from one base,"
                                + " average them into a soup, and know which data is in it.")
                .commandListHeading("") // each group has its own
                .optionListHeading("%nOptions:%n")
                .footerHeading("%nExamples:%n")
                .footer(
                        "  soup demo --quick",
                        "  soup make noto/ fluent/ twemoji/ -o my-soup/",
                        "  soup inspect my-soup/",
                        "",
                        "'soup COMMAND --help' tells more about a command, with examples.");
        return new CommandLine(spec);
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    private static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "soup " + SoupVersion.current() + " (Java " + Runtime.version() + ")"
            };
        }
    }
}
