package org.diffusionsoup.cli;

import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.cli.console.NearWord;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is wrong with a command line, in one sentence that says what was probably meant. */
final class UsageSentence {
    private UsageSentence() {}

    /**
     * @param args the whole command line
     */
    static String of(ParameterException e, String... args) {
        CommandLine command = e.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        String problem =
                switch (e) {
                    case UnmatchedArgumentException unmatched
                            when !unmatched.getUnmatched().isEmpty() ->
                            unmatched(command, unmatched.getUnmatched().getFirst());
                    case MissingParameterException missing ->
                            unknownOption(command, args)
                                    .map(word -> unmatched(command, word))
                                    .or(() -> dashedValue(command, args))
                                    .orElseGet(() -> missing(missing));
                    default -> oneLine(String.valueOf(e.getMessage()));
                };
        return name + ": " + problem + " Try '" + name + " --help'.";
    }

    /**
     * The first option that the command does not have: the parser looks for what is missing first,
     * which often is missing because of it.
     */
    private static Optional<String> unknownOption(CommandLine command, String... args) {
        Map<String, OptionSpec> known = command.getCommandSpec().optionsMap();
        boolean value = false;
        for (String arg : args) {
            if (arg.equals("--")) {
                return Optional.empty();
            }
            if (!value && arg.matches("(?s)--?[A-Za-z].*")) {
                boolean isLong = arg.startsWith("--");
                String name = isLong ? arg.replaceFirst("(?s)=.*", "") : arg.substring(0, 2);
                OptionSpec option =
                        known.getOrDefault(
                                name, command.getCommandSpec().negatedOptionsMap().get(name));
                if (option == null) {
                    return Optional.of(arg);
                }
                boolean attached = arg.length() > name.length();
                value = option.arity().max() > 0 && !attached;
                continue;
            }
            value = false;
        }
        return Optional.empty();
    }

    /** A value with a dash in front, which the parser takes for an option. */
    private static Optional<String> dashedValue(CommandLine command, String... args) {
        return Stream.of(args)
                .takeWhile(arg -> !arg.equals("--"))
                .filter(arg -> arg.matches("(?s)--?[A-Za-z][^=]*=-.*"))
                .map(arg -> arg.split("=", 2))
                .filter(a -> command.getCommandSpec().optionsMap().containsKey(a[0]))
                .findFirst()
                .map(a ->
                        "the value '%s' of %s looks like an option; as a path write './%s'."
                                .formatted(a[1], a[0], a[1]));
    }

    private static String unmatched(CommandLine command, String word) {
        CommandSpec spec = command.getCommandSpec();
        boolean option = word.startsWith("-");
        String bare = option && word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
        String kind =
                option
                        ? "unknown option"
                        : spec.subcommands().isEmpty() ? "unexpected argument" : "unknown command";
        Collection<String> known =
                option ? spec.optionsMap().keySet() : spec.subcommands().keySet();
        return NearWord.of(bare, known.stream())
                .map(near -> kind + " '" + bare + "'; did you mean '" + near + "'?")
                .orElse(kind + " '" + bare + "'.");
    }

    private static String missing(MissingParameterException e) {
        String names =
                String.join(", ", e.getMissing().stream().map(UsageSentence::label).toList());
        return names.isEmpty() ? oneLine(String.valueOf(e.getMessage())) : "missing " + names + ".";
    }

    private static String label(ArgSpec arg) {
        return switch (arg) {
            case OptionSpec option -> option.longestName() + " " + option.paramLabel();
            case PositionalParamSpec positional -> positional.paramLabel();
            default -> arg.paramLabel();
        };
    }

    private static String oneLine(String message) {
        String line =
                message.lines()
                        .findFirst()
                        .orElse("")
                        .strip()
                        .replaceFirst("' is not an? (int|long)$", "' is not a whole number")
                        .replaceFirst("' is not a (double|float)$", "' is not a number");
        line =
                line.isEmpty()
                        ? line
                        : line.substring(0, 1).toLowerCase(Locale.ROOT) + line.substring(1);
        return line.endsWith(".") || line.endsWith("?") ? line : line + ".";
    }
}
