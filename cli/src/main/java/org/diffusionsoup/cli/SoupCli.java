package org.diffusionsoup.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.cli.command.RunnableFolders;
import org.diffusionsoup.cli.console.Examples;
import org.diffusionsoup.cli.console.Failures;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.WholeNames;
import org.diffusionsoup.cli.start.Commands;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line as a whole: parses, runs, and turns what goes wrong into one sentence on the
 * error stream and an exit status.
 */
public final class SoupCli {
    /** What the JVM puts in the place of bytes that it cannot decode. */
    private static final char LOST = '\uFFFD';

    /** Exit status of a command that could not do its work. */
    public static final int FAILED = 1;

    /** Exit status of a command line that makes no sense. */
    public static final int USAGE = 2;

    private static final int MIN_WIDTH = 60;
    private static final int MAX_WIDTH = 110;

    private final PrintWriter out;
    private final PrintWriter err;

    /** A command line that writes results to {@code out}, notes and failures to {@code err}. */
    public SoupCli(PrintWriter out, PrintWriter err) {
        this.out = out;
        this.err = err;
    }

    /** Runs the command that the arguments name; returns the exit status, never throws. */
    public int run(String... words) {
        String[] args = withoutHelp(words);
        // What is said is English, and scripts read it: 1,024 and 0.5 wherever the machine stands.
        Locale.setDefault(Locale.ROOT);
        if (Stream.of(words).anyMatch(w -> w.indexOf(LOST) >= 0)) {
            err.println(
                    "soup: The command line holds bytes that the encoding of the locale ("
                            + System.getProperty("sun.jnu.encoding")
                            + ") has no characters for, so prompts and names would be read wrong;"
                            + " set LC_ALL=C.UTF-8 for a text, and rename a file.");
            return ExitCode.USAGE;
        }
        try {
            Optional<CommandLine> wanted =
                    args.length == 0 ? Optional.empty() : Commands.named(args[0]);
            return commandLine(wanted.map(List::of).orElseGet(Commands::all)).execute(args);
        } catch (Throwable e) { // picocli passes Errors on, for example no memory left
            return failed("soup", e, List.of(args).contains("--debug"), args);
        }
    }

    /** {@code help} and {@code help COMMAND}, as people try first, are {@code --help}. */
    private static String[] withoutHelp(String[] words) {
        if (words.length == 0 || !words[0].equals("help")) {
            return words;
        }
        if (words.length > 1 && Commands.named(words[1]).isEmpty()) {
            return Arrays.copyOfRange(words, 1, words.length); // unknown, and said so
        }
        String[] args = Arrays.copyOfRange(words, 1, words.length + 1);
        args[args.length - 1] = "--help";
        return args;
    }

    /** The parser with every command, for running and for tests that only parse. */
    CommandLine commandLine() {
        return commandLine(Commands.all());
    }

    /** The parser with some commands: looking through the options of all takes its time. */
    private CommandLine commandLine(List<CommandLine> commands) {
        CommandLine root = new CommandLine(new RootCommand());
        commands.forEach(root::addSubcommand);
        int columns = Integer.getInteger("soup.columns", 0);
        boolean colours = columns > 0 && System.getenv("NO_COLOR") == null;
        Map<String, IHelpSectionRenderer> sections = new LinkedHashMap<>();
        root.getHelpSectionMap()
                .forEach((name, section) ->
                        sections.put(name, help -> WholeNames.shown(section.render(help))));
        root.setHelpSectionMap(sections);
        return root.setOut(out)
                .setErr(err)
                .setExpandAtFiles(false) // a prompt may start with @
                .setCaseInsensitiveEnumValuesAllowed(true)
                .registerConverter(Path.class, SoupCli::path) // without reflection
                .registerConverter(LocalDate.class, SoupCli::date)
                .registerConverter(DType.class, NumberFormats::dtype)
                .registerConverter(WeightFormat.class, NumberFormats::weights)
                .setColorScheme(CommandLine.Help.defaultColorScheme(colours ? Ansi.ON : Ansi.OFF))
                .setHelpFactory(ExamplesHelp::new)
                .setUsageHelpWidth(columns == 0 ? 100 : Math.clamp(columns, MIN_WIDTH, MAX_WIDTH))
                .setParameterExceptionHandler(this::misused)
                .setExecutionExceptionHandler(this::ended);
    }

    /** A command that threw: it could not do its work, or an option's value makes no sense. */
    private int ended(Exception e, CommandLine command, ParseResult parsed) {
        String[] args = parsed.originalArgs().toArray(String[]::new);
        if (e instanceof SoupException failure && isAboutAnOption(failure, command)) {
            String sentence = Failures.sentence(e);
            int status =
                    misused(
                            new ParameterException(
                                    command, sentence.endsWith(".") ? sentence : sentence + "."),
                            args);
            if (isDebug(command)) {
                e.printStackTrace(err);
            }
            return status;
        }
        return failed(command.getCommandSpec().qualifiedName(), e, isDebug(command), args);
    }

    /**
     * Whether a sentence of the library begins with a setting whose flag was given here: the same
     * kind of mistake as one that the command line sees itself. Of a path it is not said, as the
     * mistake may be in what lies there.
     */
    private static boolean isAboutAnOption(SoupException failure, CommandLine command) {
        ParseResult parsed = command.getParseResult();
        return Flags.atFault(String.valueOf(failure.getMessage())).stream()
                .map(parsed::matchedOption)
                .anyMatch(o -> o != null && !isPath(o));
    }

    private static boolean isPath(OptionSpec option) {
        return option.type() == Path.class || List.of(option.auxiliaryTypes()).contains(Path.class);
    }

    /**
     * A help text whose examples are not broken in the middle of an argument, and whose list of all
     * commands has headings.
     */
    private static final class ExamplesHelp extends CommandLine.Help {
        ExamplesHelp(CommandSpec command, ColorScheme colours) {
            super(command, colours);
        }

        @Override
        public String description(Object... params) {
            UsageMessageSpec usage = commandSpec().usageMessage();
            TextTable table = TextTable.forColumnWidths(colorScheme(), usage.width());
            table.indentWrappedLines = 0;
            for (String line : usage.description()) {
                table.addRowValues(WholeNames.kept(line.replace("%%", "%")));
            }
            return table.toString();
        }

        @Override
        public IOptionRenderer createDefaultOptionRenderer() {
            IOptionRenderer usual = super.createDefaultOptionRenderer();
            return (option, label, colours) -> kept(usual.render(option, label, colours));
        }

        @Override
        public IParameterRenderer createDefaultParameterRenderer() {
            IParameterRenderer usual = super.createDefaultParameterRenderer();
            return (parameter, label, colours) -> kept(usual.render(parameter, label, colours));
        }

        /** The rows of an option or an argument, with the names in their last cell kept whole. */
        private Ansi.Text[][] kept(Ansi.Text[][] rows) {
            for (Ansi.Text[] row : rows) {
                String prose = row[row.length - 1].plainString();
                String whole = WholeNames.kept(prose);
                if (!whole.equals(prose)) {
                    row[row.length - 1] = ansi().text(whole);
                }
            }
            return rows;
        }

        @Override
        public String commandList() {
            String list = super.commandList();
            for (CommandLine c : commandSpec().subcommands().values()) {
                Optional<String> heading = Commands.heading(c.getCommand());
                if (heading.isPresent()) {
                    String row = "  " + colorScheme().commandText(c.getCommandName());
                    list = list.replace("\n" + row, "\n\n" + heading.get() + ":\n" + row);
                    if (list.startsWith(row)) {
                        list = "\n" + heading.get() + ":\n" + list;
                    }
                }
            }
            return list;
        }

        @Override
        public String footer(Object... params) {
            UsageMessageSpec usage = commandSpec().usageMessage();
            StringBuilder text = new StringBuilder();
            for (String line : usage.footer()) {
                // One column stays free: some terminals break a line that fills them.
                text.append(Examples.wrapped(line.replace("%%", "%"), usage.width() - 1))
                        .append('\n');
            }
            return text.toString();
        }
    }

    /**
     * An empty text would be the current folder, which nobody means: a script's value is missing.
     */
    private static Path path(String text) {
        if (text.isBlank()) {
            throw new TypeConversionException("it is empty; name a file or a folder");
        }
        return Path.of(text);
    }

    private static LocalDate date(String text) {
        try {
            return LocalDate.parse(text);
        } catch (DateTimeParseException e) {
            throw new TypeConversionException(
                    "'%s' is no date; write year, month and day, as 2027-06-30".formatted(text));
        }
    }

    private int misused(ParameterException e, String[] args) {
        err.println(
                echoing(
                        args,
                        Failures.shortened(Visible.text(Flags.in(UsageSentence.of(e, args))))));
        return USAGE;
    }

    /** A message in which no argument is repeated at more than 200 characters. */
    private static String echoing(String[] args, String message) {
        String said = message;
        for (String arg : args) {
            if (arg.length() > Visible.MOST_ECHOED) {
                String shown = Visible.text(arg).strip();
                said = said.replace(shown, Visible.cut(shown));
            }
        }
        return said;
    }

    private int failed(String command, Throwable e, boolean debug, String[] args) {
        String sentence = RunnableFolders.explained(e, Failures.sentence(e));
        err.println(echoing(args, command + ": " + sentence));
        if (debug) {
            e.printStackTrace(err);
        }
        err.flush();
        return FAILED;
    }

    private static boolean isDebug(CommandLine command) {
        ParseResult parsed = command.getParseResult();
        return parsed != null && parsed.hasMatchedOption("--debug");
    }
}
