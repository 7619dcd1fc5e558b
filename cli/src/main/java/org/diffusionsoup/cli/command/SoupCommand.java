package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.diffusionsoup.cli.console.Console;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * What every command has in common: help, {@code --json}, {@code --quiet}, {@code --debug}. A
 * command gives its own options as picocli fields, its work in {@link #run}, and at least one
 * example in its {@code footer}, each a line that starts with {@code " soup "}.
 */
@Command(
        sortOptions = false,
        usageHelpAutoWidth = false,
        parameterListHeading = "%nArguments:%n",
        optionListHeading = "%nOptions:%n",
        commandListHeading = "%nCommands:%n",
        descriptionHeading = "%n",
        footerHeading = "%nExamples:%n")
public abstract class SoupCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
            names = "--json",
            order = 100,
            description = "Print the result as JSON, and nothing else.")
    private boolean json;

    @Option(
            names = {"-q", "--quiet"},
            order = 101,
            description = "Show no progress and no notes.")
    private boolean quiet;

    @Option(
            names = "--debug",
            order = 102,
            description = "After a failure, print the stack trace too.")
    private boolean debug;

    @Option(
            names = {"-h", "--help"},
            order = 103,
            usageHelp = true,
            description = "Show this help.")
    private boolean help;

    /** For commands only. */
    protected SoupCommand() {}

    /**
     * Does the command's work. A failure is an exception with one clear sentence: an {@link
     * IOException} or one of the project's own; a wrong option is {@link #misuse}.
     */
    protected abstract void run(Console console) throws IOException;

    @Override
    public final Integer call() throws IOException {
        CommandLine line = spec.commandLine();
        run(new Console(line.getOut(), line.getErr(), json, quiet));
        return status();
    }

    /** Exit status of a run that did not fail: 0, or 1 where the answer is "no". */
    protected int status() {
        return CommandLine.ExitCode.OK;
    }

    /** An exception for options that parse but make no sense; exit status 2. */
    protected final ParameterException misuse(String sentence) {
        return new ParameterException(spec.commandLine(), sentence);
    }
}
