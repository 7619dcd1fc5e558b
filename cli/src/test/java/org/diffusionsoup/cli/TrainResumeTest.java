package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code soup train} as a process of its own, ended from outside and started again: the ingredient
 * is that of a run nobody disturbed, byte for byte.
 */
@DisabledOnOs(OS.WINDOWS)
class TrainResumeTest {
    private static final int STEPS = 60;
    private static final int CHECKPOINT_EVERY = 5;

    /** No multiple of the checkpoints' steps: a resumed run comes by some of these again. */
    private static final int KEEP_EVERY = 13;

    @TempDir private static Path temp;
    private static Path shard = Path.of(".");
    private static Map<String, String> undisturbed = Map.of();

    @BeforeAll
    static void trainWithoutDisturbance() throws Exception {
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 23, 16, "train");
        Path out = temp.resolve("undisturbed");
        assertThat(finished(out).path("resumedFrom").asInt()).isZero();
        undisturbed = everything(out);
        assertThat(undisturbed)
                .containsKeys(
                        "model_index.json",
                        "loss.csv",
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors");
        assertThat(undisturbed.keySet().stream().filter(f -> f.endsWith("model_index.json")))
                .hasSize(1 + (STEPS - 1) / KEEP_EVERY);
    }

    /** The ingredient's files and those of the models kept on the way to it. */
    private static Map<String, String> everything(Path out) throws IOException {
        Map<String, String> all = new TreeMap<>(TinyTraining.contents(out));
        for (int step = KEEP_EVERY; step < STEPS; step += KEEP_EVERY) {
            String name = "-step%06d".formatted(step);
            TinyTraining.contents(out.resolveSibling(out.getFileName() + name))
                    .forEach((file, hash) -> all.put(name + "/" + file, hash));
        }
        return all;
    }

    private static Process start(Path out) throws IOException {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"));
        words.addAll(List.of("-cp", System.getProperty("java.class.path")));
        words.addAll(List.of(Main.class.getName(), "train", "--json"));
        words.addAll(List.of("--base", TinyTraining.BASE.toString(), "--shard", shard.toString()));
        words.addAll(List.of("--out", out.toString(), "--steps", Integer.toString(STEPS)));
        words.addAll(List.of("--batch", "3", "--accumulate", "2", "--ema", "0.9", "--float32"));
        words.addAll(List.of("--checkpoint-every", Integer.toString(CHECKPOINT_EVERY)));
        words.addAll(List.of("--keep-every", Integer.toString(KEEP_EVERY)));
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.redirectError(out.resolveSibling(out.getFileName() + ".err").toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        // Steps this small gain nothing from a second thread, and on a busy machine they would
        // spend their time waiting for it.
        builder.environment().put("OMP_NUM_THREADS", "1");
        return builder.start();
    }

    /** Runs to the end and gives the printed result. */
    private static JsonNode finished(Path out) throws Exception {
        Process process = start(out);
        JsonNode result = new ObjectMapper().readTree(process.getInputStream());
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(out.resolveSibling(out.getFileName() + ".err")))
                .isZero();
        return result;
    }

    private static Path state(Path out) {
        return out.resolveSibling(out.getFileName() + ".training/training-state.safetensors");
    }

    /** Starts a run and waits until it has written this many checkpoints. */
    private static Process startAndAwait(Path out, int checkpoints) throws Exception {
        Process process = start(out);
        FileTime last = FileTime.fromMillis(0);
        int seen = 0;
        while (seen < checkpoints) {
            assertThat(process.isAlive()).as("still training").isTrue();
            if (Files.exists(state(out))) {
                FileTime now = Files.getLastModifiedTime(state(out));
                if (!now.equals(last)) {
                    last = now;
                    seen++;
                }
            }
            Thread.sleep(1);
        }
        return process;
    }

    private static void endedMidway(Process process, Path out) throws Exception {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isNotZero();
        assertThat(out).doesNotExist();
        assertThat(state(out)).exists();
        try (SafetensorsFile f = SafetensorsFile.open(state(out))) {
            int done = Integer.parseInt(f.metadata().get("soup.training.step"));
            for (int step = KEEP_EVERY; step <= done; step += KEEP_EVERY) {
                assertThat(out.resolveSibling(out.getFileName() + "-step%06d".formatted(step)))
                        .as("kept before the checkpoint of step %d", done)
                        .exists();
            }
        }
    }

    /** The sentence about how to go on is the last thing that is said. */
    @Test
    void whatIsSaidLastIsThatItStopped() throws Exception {
        Path out = temp.resolve("last");
        Path err = temp.resolve("last.err");
        List<String> words =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "train",
                        "--base",
                        TinyTraining.BASE.toString(),
                        "--shard",
                        shard.toString(),
                        "--out",
                        out.toString(),
                        "--steps",
                        "1000000",
                        "--batch",
                        "1",
                        "--checkpoint-every",
                        "5");
        ProcessBuilder builder = new ProcessBuilder(words).redirectError(err.toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().put("OMP_NUM_THREADS", "1");
        Process process = builder.start();
        while (!Files.exists(state(out))) {
            assertThat(process.isAlive()).as("still training").isTrue();
            Thread.sleep(5);
        }
        Thread.sleep(1500); // a task of over a second gets a line of its own at its end
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        List<String> said = Files.readAllLines(err);
        assertThat(said).anyMatch(l -> l.startsWith("train last"));
        assertThat(said).noneMatch(l -> l.startsWith("last goes on from step"));
        assertThat(said.getLast())
                .matches(
                        "Stopped; the same command goes on from step [\\d,]+ of 1,000,000, kept in .*last\\.training.*\\.");

        long done = TrainingRun.checkpointedSteps(state(out).getParent());
        process = builder.start();
        String sentence = "last goes on from step %,d of 1,000,000.".formatted(done);
        while (Files.readAllLines(err).stream().noneMatch(sentence::equals)) {
            assertThat(process.isAlive()).as("%s: %s", sentence, Files.readString(err)).isTrue();
            Thread.sleep(5);
        }
        // before the pictures are encoded again
        assertThat(Files.readString(err)).doesNotContain("encode", "train last");
        process.destroyForcibly();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void killedAndResumedEqualsUndisturbed() throws Exception {
        long seed = System.nanoTime();
        System.out.println("TrainResumeTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        Path out = temp.resolve("killed");
        Process process = startAndAwait(out, 1 + random.nextInt(3));
        Thread.sleep(random.nextInt(60));
        process.destroyForcibly();
        endedMidway(process, out);
        long told = TrainingRun.checkpointedSteps(state(out).getParent());

        JsonNode result = finished(out);
        assertThat(result.path("resumedFrom").asInt())
                .as("seed %d", seed)
                .isBetween(CHECKPOINT_EVERY, STEPS - 1);
        assertThat(result.path("resumedFrom").asInt() % CHECKPOINT_EVERY).isZero();
        assertThat(told).isEqualTo(result.path("resumedFrom").asLong());
        assertThat(everything(out)).as("seed %d", seed).isEqualTo(undisturbed);
        assertThat(state(out).getParent()).doesNotExist();
    }

    @Test
    void stoppedAndResumedEqualsUndisturbed() throws Exception {
        Path out = temp.resolve("stopped");
        Process process = startAndAwait(out, 2);
        process.destroy(); // SIGTERM, handled as Ctrl-C is
        endedMidway(process, out);

        JsonNode result = finished(out);
        assertThat(result.path("resumedFrom").asInt()).isBetween(2 * CHECKPOINT_EVERY, STEPS - 1);
        assertThat(everything(out)).isEqualTo(undisturbed);
        assertThat(state(out).getParent()).doesNotExist();
    }
}
