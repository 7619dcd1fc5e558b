package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup evaluate}, a search in its recipe, in a process of its own that is killed. */
@DisabledOnOs(OS.WINDOWS)
class KilledEvaluateTest {
    private static final long SEED = 20261123;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private Path recipe() throws IOException {
        StringBuilder text = new StringBuilder("models:\n");
        for (int i = 0; i < 3; i++) {
            Path ingredient = TinyModels.ingredient(folder.resolve("i" + i), i);
            text.append("  i%d: %s%n".formatted(i, ingredient));
        }
        text.append(
                """
                  uniform: {soup: [i0, i1, i2]}
                  greedy: {search: greedy, of: [i0, i1, i2], judge: CLIP}
                prompts: {list: [a cat, a dog, a red apple, a house, a car, a tree], validation: 3}
                seeds: 0
                sampler: {steps: 2, batch: 1}
                judges:
                  CLIP: {clip: %s}
                  aesthetic: {clip: %s, aesthetic-head: %s}
                """
                        .formatted(
                                TinyModels.clip(),
                                TinyModels.clip(),
                                TinyModels.aestheticHead(folder.resolve("head.safetensors"))));
        return Files.writeString(folder.resolve("r.yaml"), text);
    }

    private Process start(Path recipe, Path out) throws IOException {
        return new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "evaluate",
                        recipe.toString(),
                        "-o",
                        out.toString(),
                        "-q")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
    }

    private static List<Path> files(Path under, String ending) throws IOException {
        if (!Files.isDirectory(under)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(under)) {
            return all.filter(p -> p.toString().endsWith(ending)).sorted().toList();
        }
    }

    private static List<String> journal(Path out) throws IOException {
        List<Path> found = files(out.resolve("cache/models"), ".journal");
        return found.isEmpty() ? List.of() : Files.readAllLines(found.getFirst());
    }

    /** Asked of a run that renames what it has written, perhaps while it is looked at. */
    private static boolean isReached(Callable<Boolean> moment) throws Exception {
        try {
            return moment.call();
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    @Test
    void aKilledEvaluationGoesOnAndEndsInTheSameNumbers() throws Exception {
        Path recipe = recipe();
        Path straight = folder.resolve("straight");
        Process whole = start(recipe, straight);
        assertThat(whole.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(whole.exitValue()).as(Files.readString(folder.resolve("log"))).isZero();
        JsonNode wanted = JSON.readTree(straight.resolve("results.json").toFile());
        int all = files(straight.resolve("cache/pictures"), ".png").size();
        assertThat(all).isGreaterThanOrEqualTo(4 * 3);

        // In the search, further in it, and among the pictures; at a random moment from there on.
        Path out = folder.resolve("killed");
        Random random = new Random(SEED);
        List<Callable<Boolean>> moments =
                List.of(
                        () -> journal(out).size() > 1,
                        () -> journal(out).size() > 4,
                        () -> files(out.resolve("cache/pictures"), ".png").size() > 4);
        for (Callable<Boolean> moment : moments) {
            Process process = start(recipe, out);
            while (process.isAlive() && !isReached(moment)) {
                TimeUnit.MILLISECONDS.sleep(2);
            }
            TimeUnit.MILLISECONDS.sleep(random.nextInt(20));
            process.destroyForcibly(); // SIGKILL
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(journal(out)).as("seed %d", SEED).hasSizeGreaterThan(4);
        int there = files(out.resolve("cache/pictures"), ".png").size();
        List<String> before = journal(out);

        JsonNode rest = JSON.readTree(Run.of("evaluate", recipe, "-o", out, "--json").ok().out());
        assertThat(rest.path("judges")).as("seed %d", SEED).isEqualTo(wanted.path("judges"));
        assertThat(rest.path("pictures_drawn").asInt()).isEqualTo(all - there);
        List<String> after = journal(out);
        assertThat(after).isEqualTo(journal(straight));
        // The last line may have been half written.
        assertThat(after.subList(0, before.size() - 1))
                .isEqualTo(before.subList(0, before.size() - 1));
        List<String> candidates = new ArrayList<>();
        for (String line : after) {
            JsonNode row = JSON.readTree(line);
            if (row.has("scores")) {
                candidates.add(row.path("shares").toString());
            }
        }
        assertThat(candidates).doesNotHaveDuplicates();
    }
}
