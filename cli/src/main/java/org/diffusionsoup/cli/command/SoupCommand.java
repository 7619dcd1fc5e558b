package org.diffusionsoup.cli.command;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.Callable;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Farewell;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.io.Pipes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
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
        descriptionHeading = "%n",
        parameterListHeading = "%nArguments:%n",
        optionListHeading = "%nOptions:%n",
        commandListHeading = "%nCommands:%n",
        footerHeading = "%nExamples:%n")
public abstract class SoupCommand implements Callable<Integer> {
    /** Exit status of a command that was stopped; the shell's for Ctrl-C. */
    private static final int STOPPED = 130;

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
        CommandLine line = line();
        refuseFoldersForFiles(line.getParseResult());
        refusePipes(line.getParseResult());
        Outputs.refuseShared(line.getParseResult(), this::misuse);
        DeviceFlag.use(line.getParseResult());
        Console console = new Console(line.getOut(), line.getErr(), json, quiet);
        BusyMachine.note(line.getCommandSpec()).ifPresent(console::note);
        Farewell farewell = console.farewell(this::stopped);
        try (farewell) {
            run(console);
            farewell.done();
        } catch (RuntimeException | IOException e) {
            if (farewell.isRequested()) {
                return STOPPED; // the process is ending, and says so
            }
            throw e;
        }
        return status();
    }

    /**
     * What is said when Ctrl-C or a plain kill ends the command: "Stopped; ", what is kept of its
     * work, and what the same command does then. A command that keeps something says another
     * sentence, or {@link Console#onStop one} once it has come so far.
     */
    protected String stopped() {
        return "Stopped; nothing is kept of it, and the same command begins again.";
    }

    /** Where a text is read once, from its beginning, a pipe does as well. */
    private static final Set<String> MAY_BE_PIPES = Set.of("--prompts");

    /** Before anything opens one, and waits for somebody to write into it. */
    private static void refusePipes(CommandLine.ParseResult parsed) {
        for (ArgSpec arg : parsed.matchedArgs()) {
            boolean path =
                    arg.type() == Path.class
                            || Arrays.asList(arg.auxiliaryTypes()).contains(Path.class);
            boolean may =
                    arg instanceof OptionSpec option && MAY_BE_PIPES.contains(option.longestName());
            if (path && !may) {
                arg.originalStringValues().forEach(value -> Pipes.refuse(Path.of(value)));
            }
        }
    }

    /** What options call a value that is one file, not a folder; so do labels with an ending. */
    private static final Set<String> ONE_FILE = Set.of("FILE", "PNG", "TAR", "HTML");

    /** A path that ends in a slash names a folder, which no file may take the place of. */
    private void refuseFoldersForFiles(CommandLine.ParseResult parsed) {
        for (OptionSpec option : parsed.matchedOptions()) {
            if (ONE_FILE.contains(option.paramLabel()) || option.paramLabel().indexOf('.') > 0) {
                refuseFolder(option, "a single file is meant; name the file, such as ", "");
            }
        }
    }

    private void refuseFolder(OptionSpec option, String why, String ending) {
        for (String value : option.originalStringValues()) {
            if (endsInSlash(value)) {
                Path folder = Path.of(value);
                String name = ending.isEmpty() ? "NAME" : folder.getFileName() + ending;
                throw misuse(
                        "%s %s names a folder by the slash at its end, and %s%s."
                                .formatted(
                                        option.longestName(),
                                        value,
                                        why,
                                        ending.isEmpty()
                                                ? folder.resolve(name)
                                                : folder.resolveSibling(name)));
            }
        }
    }

    private static boolean endsInSlash(String path) {
        return path.endsWith("/") || path.endsWith(File.separator);
    }

    /**
     * Refuses an {@code --out} that ends in a slash where a single checkpoint will be written.
     *
     * @param like what the output's layout is that of
     */
    protected final void refuseFolderForFile(Path like) {
        if (Files.isRegularFile(like) && !Checkpoint.isIndex(like)) {
            refuseFolderForFile();
        }
    }

    /** The same where a single checkpoint will be written in any case. */
    protected final void refuseFolderForFile() {
        OptionSpec out = line().getParseResult().matchedOption("--out");
        if (out != null) {
            refuseFolder(out, "a single checkpoint is made here; name it ", ".safetensors");
        }
    }

    /** Exit status of a run that did not fail: 0, or another where the answer is not "yes". */
    protected int status() {
        return CommandLine.ExitCode.OK;
    }

    /** An exception for options that parse but make no sense; exit status 2. */
    public final ParameterException misuse(String sentence) {
        return new ParameterException(line(), sentence);
    }

    /** A coefficient as an option gives it; exit status 2 if it is none. */
    public final Coefficient coefficient(String option, String text) {
        try {
            return Coefficient.parse(text);
        } catch (SoupException e) {
            throw misuse(option + " " + Visible.shortened(text) + ": " + e.getMessage());
        }
    }

    /** Whether the command line holds an option, whatever its value. */
    public final boolean isGiven(String option) {
        return line().getParseResult().hasMatchedOption(option);
    }

    /** The command line being run. */
    protected final CommandLine line() {
        return spec.commandLine();
    }
}
