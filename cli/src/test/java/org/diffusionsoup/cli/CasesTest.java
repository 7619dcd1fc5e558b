package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Scripts after public reports, with files as other tools wrote them, run as they stand ({@code
 * -Dcases.dir=DIR}; each folder holds {@code make.py} and {@code cmd.sh}). What is right in each is
 * also held by unit tests that need none of these files; this one shows that the command line as a
 * whole does it.
 */
@EnabledIfSystemProperty(named = "cases.dir", matches = ".+")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CasesTest {
    private static final Pattern EXIT = Pattern.compile("(?m)^\\[exit (\\d+)\\]$");
    private Path folder = Path.of(".");

    /**
     * One script and what it must come to.
     *
     * @param exits of its commands, in order
     * @param said parts of the output
     */
    private record Case(String name, List<Integer> exits, List<String> said) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case of(String name, String exits, String... said) {
        List<Integer> statuses = Stream.of(exits.split(" ")).map(Integer::valueOf).toList();
        return new Case(name, statuses, List.of(said));
    }

    private static Stream<Case> cases() {
        return Stream.of(
                of("01-ema-counters", "1", "soup merge --on-integers from-first"),
                of("02-position-ids-float", "1 0 0 1 1", "--on-dtype convert", "1 of 2 tensors"),
                of("03-inpainting-add-difference", "1 0 1 1", "on_shape: pad"),
                of("04-fp16-variants", "0 0 0 0 0 0 1", "--on-dtype convert averages the values"),
                of("06-old-vae-names", "0 0 0 0 0 0 0"),
                of("12-lora-average", "1 0", "low-rank factors are not averaged"),
                of("13-exif-rotation", "0", "9 rows"),
                of("15-img2dataset-tar", "0 0 1", "no caption"),
                of(
                        "16-caption-files",
                        "0 1 0 0 0 0 0 0 0 0 1 1 0 0 0",
                        "not UTF-8",
                        "f: 2 rows, 2 to train on"),
                of(
                        "22-extra-keys-in-single-files",
                        "0 0 0 0 0 0 0 0 0 0 0 1 1 1 0",
                        "embeddings for 2,000"),
                of("24-v-pred-folder-to-single", "0 0 0 0 1 1 1", "v_pred, ztsnr: True True"),
                of("26-transparency", "0", "largest difference 0"),
                of("27-prompt-files", "0 1 0 0 1", "tokens, of which 22 are read"),
                of("29-carried-configuration-lost", "0 0 0 0 0", "v_prediction"),
                of("30-null-or-absent-component", "0 0 0 0 0 0"),
                of("31-cook-with-buffers", "0 1 0 1 1", "weight error 0.0"),
                of("34-yaml-beside-the-checkpoint", "0 0", "v_prediction"));
    }

    @BeforeAll
    void copy() throws IOException {
        folder = Files.createTempDirectory("cases");
        Path from = Path.of(System.getProperty("cases.dir"));
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path to = folder.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(p, to, LinkOption.NOFOLLOW_LINKS); // some scripts are about links
                }
            }
        }
        Path home = Files.createDirectory(folder.resolve("home"));
        Files.createSymbolicLink(
                home.resolve("models"), Path.of("../models").toAbsolutePath().normalize());
        ShellLauncher.write(home.resolve("soup"));
    }

    @AfterAll
    void delete() throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            all.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theScriptComesToWhatIsRight(Case c) throws IOException, InterruptedException {
        String output = run(c.name(), "bash cmd.sh");
        // One script makes its files with PyTorch, which not every machine has.
        assumeThat(output).doesNotContain("ModuleNotFoundError");
        List<Integer> exits = new ArrayList<>();
        Matcher m = EXIT.matcher(output);
        while (m.find()) {
            exits.add(Integer.valueOf(m.group(1)));
        }
        assertThat(exits).as(output).isEqualTo(c.exits());
        c.said().forEach(part -> assertThat(output).contains(part));
        assertThat(output).doesNotContain("Exception", "internal error", "\tat ", "False");
    }

    private String run(String name, String script) throws IOException, InterruptedException {
        Path output = folder.resolve(name + ".txt");
        ProcessBuilder shell =
                new ProcessBuilder("bash", "-c", script)
                        .directory(folder.resolve(name).toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile());
        shell.environment().put("SOUP_HOME", folder.resolve("home").toString());
        Process process = shell.start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).as(name).isTrue();
        return Files.readString(output);
    }
}
