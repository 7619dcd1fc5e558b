package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.diffusionsoup.cli.console.Console;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * What every command has in common: help, {@code --json}, {@code --quiet}, {@code --debug}. A
 * command gives its own options as picocli fields (or in code: {@link DeclaredCommand}), its work
 * in {@link #run}, and at least one example in its {@code footer}, each a line that starts with
 * {@code " soup "}. Its parser comes from {@link Commands#parser}, which adds what is here.
 */
public abstract class SoupCommand implements Callable<Integer> {
    // In code, not as annotated fields, which the JVM makes a class each for at every start.
    private final OptionSpec json =
            Options.flag("Print the result as JSON, and nothing else.", "--json")
                    .order(100)
                    .build();
    private final OptionSpec quiet =
            Options.flag("Show no progress and no notes.", "-q", "--quiet").order(101).build();
    private final OptionSpec debug =
            Options.flag("After a failure, print the stack trace too.", "--debug")
                    .order(102)
                    .build();

    private @Nullable CommandSpec spec;

    /** For commands only. */
    protected SoupCommand() {}

    /** Adds what is common to a command's own options. */
    final void complete(CommandSpec own) {
        spec = own;
        own.usageMessage()
                .sortOptions(false)
                .descriptionHeading("%n")
                .parameterListHeading("%nArguments:%n")
                .optionListHeading("%nOptions:%n")
                .commandListHeading("%nCommands:%n")
                .footerHeading("%nExamples:%n");
        own.addOption(json)
                .addOption(quiet)
                .addOption(debug)
                .addOption(
                        Options.flag("Show this help.", "-h", "--help")
                                .order(103)
                                .usageHelp(true)
                                .build());
    }

    /**
     * Does the command's work. A failure is an exception with one clear sentence: an {@link
     * IOException} or one of the project's own; a wrong option is {@link #misuse}.
     */
    protected abstract void run(Console console) throws IOException;

    @Override
    public final Integer call() throws IOException {
        CommandLine line = line();
        run(new Console(line.getOut(), line.getErr(), json.getValue(), quiet.getValue()));
        return status();
    }

    /** Exit status of a run that did not fail: 0, or another where the answer is not "yes". */
    protected int status() {
        return CommandLine.ExitCode.OK;
    }

    /** An exception for options that parse but make no sense; exit status 2. */
    protected final ParameterException misuse(String sentence) {
        return new ParameterException(line(), sentence);
    }

    /** Whether the command line holds an option, whatever its value. */
    protected final boolean isGiven(String option) {
        return line().getParseResult().hasMatchedOption(option);
    }

    /** The command line being run. */
    protected final CommandLine line() {
        return Objects.requireNonNull(spec, "a parser of Commands.parser").commandLine();
    }
}
