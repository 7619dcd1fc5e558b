package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
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

    /** Every option that says where to write, with its value, must not name what is there. */
    @TestFactory
    Stream<DynamicTest> outputsCollideWithNothingOfTheProject() throws IOException {
        Set<String> outputs = Set.of("-o", "--out", "--page", "--plot", "--each", "--work");
        List<DynamicTest> tests = new ArrayList<>();
        for (Path document : documents()) {
            for (String command : commands(document)) {
                if (command.contains(" models/") && command.contains("judge train")
                        || document.endsWith("emoji-base.md")) {
                    continue; // how the embedded models were made, for those who make others
                }
                List<String> words = Parse.words(command.replaceFirst("\\s+#.*$", ""));
                for (int i = 0; i + 1 < words.size(); i++) {
                    if (outputs.contains(words.get(i))) {
                        Path out = ROOT.resolve(words.get(i + 1));
                        tests.add(
                                DynamicTest.dynamicTest(
                                        ROOT.relativize(document) + ": " + command,
                                        () -> assertThat(shipped(out)).isFalse()));
                    }
                }
            }
        }
        assertThat(tests).hasSizeGreaterThan(30);
        return tests.stream();
    }

    /** Whether a fresh clone has something there, apart from what is built. */
    private static boolean shipped(Path out) {
        Set<String> top = Set.of("soup", "pom.xml", "docs", "models", "shards", "recipes");
        Path name = ROOT.relativize(out.normalize());
        return top.contains(name.toString())
                || Files.isRegularFile(ROOT.resolve(name.getName(0)).resolve("pom.xml"))
                || name.startsWith("models")
                || name.startsWith("shards");
    }

    /** A picture of noise with its caption beside it. */
    static void photo(Path folder, String name) throws IOException {
        byte[] pixels = new byte[3 * 80 * 80];
        new Random(name.hashCode()).nextBytes(pixels);
        Files.write(folder.resolve(name + ".png"), PngCodec.encode(new RgbImage(80, 80, pixels)));
        Files.writeString(folder.resolve(name + ".txt"), "a " + name);
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
