package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.cli.console.Flags;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** What messages tell people to type can be typed. */
class AdvisedCommandsTest {
    private static final String LITERAL = "\"(?:[^\"\\\\\n]|\\\\.)*\"";

    /** A string, in however many pieces it is written. */
    private static final Pattern STRING =
            Pattern.compile("%s(?:\\s*\\+\\s*%s)*".formatted(LITERAL, LITERAL));

    private static final Pattern BETWEEN = Pattern.compile("\"\\s*\\+\\s*\"");

    private static final Pattern ADVICE =
            Pattern.compile(
                    "'soup ([^'\"]+)'|: soup ([a-z-]+ (?:[a-z-]+ )?[A-Z-](?:(?!\\. |, )[^'\"])*)");

    @Test
    void whatMessagesAdviseParses() throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        int whole = 0;
        for (Path file : sources()) {
            for (String advice : advice(Files.readString(file))) {
                try {
                    whole += check(advice) ? 1 : 0;
                } catch (AssertionError e) {
                    wrong.put(file.getFileName() + ": soup " + advice, e.getMessage());
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(whole).as("commands that are advised with what they take").isGreaterThan(10);
    }

    private static List<Path> sources() throws IOException {
        Path root = Path.of("").toAbsolutePath().getParent();
        List<Path> all = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path module : (Iterable<Path>) modules::iterator) {
                Path sources = module.resolve("src/main/java");
                if (Files.isDirectory(sources)) {
                    try (Stream<Path> files = Files.walk(sources)) {
                        files.filter(f -> f.toString().endsWith(".java")).forEach(all::add);
                    }
                }
            }
        }
        assertThat(all).hasSizeGreaterThan(500);
        return all;
    }

    private static List<String> advice(String source) {
        return STRING.matcher(source)
                .results()
                .map(m -> BETWEEN.matcher(m.group()).replaceAll(""))
                .flatMap(text -> ADVICE.matcher(text).results())
                .map(m -> m.group(1) == null ? m.group(2) : m.group(1))
                .toList();
    }

    /**
     * Refuses a command that does not exist or does not take the flags that are named; if something
     * is to be put in, also one that lacks something.
     *
     * @return whether it is written so
     */
    private static boolean check(String advice) {
        CommandLine command = Parse.commandLine();
        List<String> rest = new ArrayList<>(Parse.words(Flags.in(advice)));
        while (!rest.isEmpty() && command.getSubcommands().containsKey(rest.getFirst())) {
            command = command.getSubcommands().get(rest.removeFirst());
        }
        if (command.getParent() == null && !rest.equals(List.of("COMMAND", "--help"))) {
            throw new AssertionError("there is no such command");
        }
        for (String flag : rest) {
            if (flag.startsWith("-")
                    && !command.getCommandSpec()
                            .optionsMap()
                            .containsKey(flag.replaceFirst("=.*", ""))) {
                throw new AssertionError("it has no " + flag);
            }
        }
        boolean whole = rest.stream().anyMatch(w -> w.matches(".*%.*|[A-Z]+|.*\\b[A-Z]{2,}\\b.*"));
        if (whole) {
            Parse.check(
                    "soup "
                            + Flags.in(advice)
                                    .replaceAll("%d|\\b(?:N|ENTRY)\\b", "1")
                                    .replace("--dtype %s", "--dtype F16")
                                    .replace("%s", "x"));
        }
        return whole;
    }
}
