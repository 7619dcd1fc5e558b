package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code soup make} and {@code soup merge} in a process of their own that is killed, or runs out of
 * room.
 */
@DisabledOnOs(OS.WINDOWS)
class KilledMakeTest {
    /** A multiple of four. More, such as 200, look longer. */
    private static final int KILLS = Integer.getInteger("kills", 24);

    private static final long SEED = 20261123;
    private static final int TENSORS = 3;
    private static final int LENGTH = 1_000_000;

    @TempDir private Path folder;

    /** Beside it, as nothing but the models' is to be seen there. */
    @TempDir private Path logs;

    private Path a;
    private Path b;
    private Path out;
    private byte[] old;

    @BeforeEach
    void inputs() throws IOException {
        a = checkpoint("a.safetensors", 1);
        b = checkpoint("b.safetensors", 2);
        out = folder.resolve("soup.safetensors");
        old = Files.readAllBytes(Checkpoints.of(folder.resolve("old"), 3, 4));
        Files.delete(folder.resolve("old"));
        Files.write(out, old);
    }

    private Path checkpoint(String name, long seed) {
        Random random = new Random(seed);
        List<TensorEntry> tensors = new ArrayList<>();
        for (int t = 0; t < TENSORS; t++) {
            float[] values = new float[LENGTH];
            for (int i = 0; i < LENGTH; i++) {
                values[i] = random.nextFloat();
            }
            tensors.add(TensorEntry.ofFloats("t" + t, new long[] {LENGTH}, values));
        }
        Path file = folder.resolve(name);
        SafetensorsWriter.write(file, Map.of(), tensors);
        return file;
    }

    private ProcessBuilder make(String command, String... before) {
        List<String> words = new ArrayList<>(List.of(before));
        words.addAll(
                List.of(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        command,
                        a.toString(),
                        b.toString(),
                        "-o",
                        out.toString(),
                        "--force",
                        "-q"));
        ProcessBuilder make =
                new ProcessBuilder(words)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.to(log().toFile()));
        make.environment().remove("JAVA_TOOL_OPTIONS"); // of which the JVM would speak
        return make;
    }

    private Path log() {
        return logs.resolve("log");
    }

    private Set<String> others() throws IOException {
        try (Stream<Path> list = Files.list(folder)) {
            return list.map(p -> p.getFileName().toString())
                    .filter(n -> !List.of("a.safetensors", "b.safetensors").contains(n))
                    .filter(n -> !n.equals("soup.safetensors"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private void clean() throws IOException {
        for (String name : others()) {
            Files.delete(folder.resolve(name));
        }
    }

    /** Half of the kills fall anywhere, half while the hidden file is there. */
    @Test
    void afterAnyKillTheOutputIsTheOldFileOrTheNewOne() throws Exception {
        long start = System.nanoTime();
        Process whole = make("make").start();
        assertThat(whole.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(whole.exitValue()).as(Files.readString(log())).isZero();
        long duration = System.nanoTime() - start;
        byte[] made = Files.readAllBytes(out);
        assertThat(make("merge").start().waitFor()).as(Files.readString(log())).isZero();
        byte[] merged = Files.readAllBytes(out);
        assertThat(made.length).isGreaterThan(TENSORS * LENGTH * 4);

        Random random = new Random(SEED);
        int kept = 0;
        int replaced = 0;
        int leftovers = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            Path fresh = folder.resolve("fresh");
            Files.write(fresh, old);
            Files.move(fresh, out, StandardCopyOption.ATOMIC_MOVE);
            Process process = make(kill % 4 < 2 ? "merge" : "make").start();
            if (kill % 2 == 0) {
                sleep(random.nextLong(duration + duration / 10));
            } else {
                while (process.isAlive() && others().isEmpty()) {
                    sleep(200_000);
                }
                sleep(random.nextLong(100_000_000));
            }
            process.destroyForcibly(); // SIGKILL
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();

            byte[] now = Files.readAllBytes(out);
            boolean isOld = Arrays.equals(now, old);
            assertThat(isOld || Arrays.equals(now, kill % 4 < 2 ? merged : made))
                    .as("seed %d, kill %d: %d bytes, neither old nor new", SEED, kill, now.length)
                    .isTrue();
            kept += isOld ? 1 : 0;
            replaced += isOld ? 0 : 1;
            if (!others().isEmpty()) {
                leftovers++;
                assertThat(others()).allMatch(n -> n.matches("\\.soup\\.safetensors\\.tmp-.*"));
                String seen = Run.of("inspect", folder, "--no-hash").ok().out();
                assertThat(seen).contains("soup.safetensors").doesNotContain(".tmp-");
                clean();
            }
        }
        assertThat(leftovers).as("kills in the middle of writing").isGreaterThan(KILLS / 12);
        assertThat(kept).as("kills that came early enough").isGreaterThan(leftovers / 2);
        assertThat(kept + replaced).isEqualTo(KILLS);

        assertThat(make("make").start().waitFor()).as(Files.readString(log())).isZero();
        assertThat(Arrays.equals(Files.readAllBytes(out), made)).as("made again").isTrue();
    }

    @Test
    void aFullDiskLeavesTheOldFileAndOneSentence() throws Exception {
        // A limit on the size of files is met where a full disk is: in a write that fails.
        Process process = make("merge", "bash", "-c", "ulimit -f 4096; exec \"$0\" \"$@\"").start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        List<String> said = Files.readAllLines(log());
        assertThat(process.exitValue()).as("%s", said).isEqualTo(1);
        assertThat(said).singleElement().asString().contains("soup.safetensors", "File too large");
        assertThat(Files.readAllBytes(out)).isEqualTo(old);
        assertThat(others()).isEmpty();
    }

    private static void sleep(long nanos) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(nanos);
    }
}
