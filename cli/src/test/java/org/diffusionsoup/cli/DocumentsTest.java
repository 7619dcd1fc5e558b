package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The commands and links in README.md and docs/ are real. */
class DocumentsTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]+)(?:#[^)]*)?\\)");

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> all = Files.walk(ROOT.resolve("docs"))) {
            all.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
        }
        return documents;
    }

    /** Lines of code blocks that start with ./soup; a backslash at the end joins the next line. */
    private static List<String> commands(Path document) throws IOException {
        List<String> commands = new ArrayList<>();
        boolean code = false;
        String begun = "";
        for (String line : Files.readAllLines(document)) {
            if (line.startsWith("```")) {
                code = !code;
                continue;
            }
            String text = begun + line.strip().replaceFirst("^\\$ ", "");
            boolean open = text.endsWith("\\");
            begun = open ? text.substring(0, text.length() - 1) : "";
            if (code && !open && text.startsWith("./soup ")) {
                commands.add(text);
            }
        }
        return commands;
    }

    @TestFactory
    Stream<DynamicTest> commandsParse() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path document : documents()) {
            for (String command : commands(document)) {
                tests.add(
                        DynamicTest.dynamicTest(
                                ROOT.relativize(document) + ": " + command,
                                () -> Parse.check(command)));
            }
        }
        return tests.stream();
    }

    @Test
    void theReadmeShowsCommands() throws IOException {
        assertThat(commands(ROOT.resolve("README.md")))
                .anyMatch(line -> line.startsWith("./soup demo"))
                .anyMatch(line -> line.startsWith("./soup train "))
                .anyMatch(line -> line.startsWith("./soup make "));
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<String> dead = new ArrayList<>();
        int seen = 0;
        for (Path document : documents()) {
            Matcher matcher = LINK.matcher(Files.readString(document));
            while (matcher.find()) {
                String target = matcher.group(1);
                if (!target.contains("://")) {
                    seen++;
                    if (!Files.exists(document.resolveSibling(target))) {
                        dead.add(ROOT.relativize(document) + " -> " + target);
                    }
                }
            }
        }
        assertThat(seen).isPositive();
        assertThat(dead).isEmpty();
    }
}
