package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The commands in README.md and docs/ parse. */
class DocumentsTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

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
}
