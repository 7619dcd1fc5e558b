package org.diffusionsoup.cli;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;

/** Parses command lines as they stand in help and documents, without running them. */
final class Parse {
    private static final Pattern WORD = Pattern.compile("(?:\"[^\"]*\"|'[^']*'|[^\\s\"'])+");

    private Parse() {}

    static CommandLine commandLine() {
        PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
        return new SoupCli(nowhere, nowhere).commandLine();
    }

    /** Throws an {@link AssertionError} where {@code soup …} is no valid command line. */
    static void check(String line) {
        List<String> words = words(line.replaceFirst("\\s+#.*$", ""));
        if (words.isEmpty() || !words.getFirst().replace("./", "").equals("soup")) {
            throw new AssertionError("no soup command: " + line);
        }
        try {
            commandLine().parseArgs(words.subList(1, words.size()).toArray(String[]::new));
        } catch (CommandLine.ParameterException e) {
            throw new AssertionError("does not parse: " + line + ": " + e.getMessage(), e);
        }
    }

    /** The words of a line as a shell takes it apart: quotes hold them together. */
    static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(line);
        while (matcher.find()) {
            words.add(matcher.group().replaceAll("\"([^\"]*)\"|'([^']*)'", "$1$2"));
        }
        return words;
    }
}
