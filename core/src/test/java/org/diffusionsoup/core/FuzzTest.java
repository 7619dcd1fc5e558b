package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every damaged file is either a checkpoint whose tensors can all be read, or one {@link
 * SoupException}, in bounded time and memory. {@code -Dfuzz.seconds=600 -Dfuzz.seed=N} runs it
 * longer, elsewhere; an input that breaks the rule is kept under {@code target/fuzz-failures}.
 */
class FuzzTest {
    private static final Path RESOURCES = Path.of("src/test/resources");
    private static final long SECONDS = Long.getLong("fuzz.seconds", 6);
    private static final long SEED = Long.getLong("fuzz.seed", 3);
    private static final long MAX_ALLOCATED = 64L << 20;
    private static final double MAX_SECONDS = 10;
    private static final int MAX_INPUT = 1 << 16;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir Path dir;

    private record Input(Path name, byte[] bytes) {}

    /** The corpus, and beside it the real PyTorch files. */
    private static List<Input> corpus() throws IOException {
        List<Input> all = new ArrayList<>();
        for (String folder : List.of("fuzz-corpus", "torch")) {
            try (Stream<Path> files = Files.list(RESOURCES.resolve(folder))) {
                for (Path f : (Iterable<Path>) files.sorted()::iterator) {
                    String name = f.getFileName().toString();
                    if (!name.matches("README.md|.*\\.py|expected.json")) {
                        all.add(new Input(f.getFileName(), Files.readAllBytes(f)));
                    }
                }
            }
        }
        return all;
    }

    @Test
    void everyFileOfTheCorpusKeepsTheRule() throws IOException {
        List<Input> corpus = corpus();
        assertThat(corpus).hasSizeGreaterThan(15);
        int readable = 0;
        for (Input input : corpus) {
            readable += outcome(input, "corpus").isEmpty() ? 1 : 0;
        }
        assertThat(readable).isBetween(8, corpus.size() - 4);
    }

    @Test
    void damagedFilesKeepTheRule() throws IOException {
        List<Input> pool = corpus();
        int seeds = pool.size();
        Random random = new Random(SEED);
        Mutator mutator = new Mutator(SEED);
        Set<String> outcomes = new HashSet<>();
        long start = System.nanoTime();
        long inputs = 0;
        long readable = 0;
        while (System.nanoTime() - start < SECONDS * 1_000_000_000L) {
            Input from = pool.get(random.nextInt(random.nextBoolean() ? seeds : pool.size()));
            Input input = new Input(from.name, mutator.mutate(from.name, from.bytes));
            String outcome = outcome(input, "seed " + SEED + " input " + inputs);
            inputs++;
            readable += outcome.isEmpty() ? 1 : 0;
            // What is refused for a reason not seen before is worth damaging further.
            if (outcomes.add(outcome) && input.bytes.length < MAX_INPUT && pool.size() < 4000) {
                pool.add(input);
            }
        }
        String report =
                "%d inputs in %d s from %d files, seed %d: %d readable, %d refused for %d reasons"
                        .formatted(
                                inputs,
                                (System.nanoTime() - start) / 1_000_000_000L,
                                seeds,
                                SEED,
                                readable,
                                inputs - readable,
                                outcomes.size() - 1);
        Files.writeString(Path.of("target/fuzz-report.txt"), report + "\n");
        assertThat(readable).as(report).isPositive();
        assertThat(outcomes.size()).as(report).isGreaterThan(20);
    }

    /** Why it was refused, without names and numbers; empty if it could be read. */
    private String outcome(Input input, String which) throws IOException {
        Path folder = Files.createTempDirectory(dir, "i");
        Path file = folder.resolve(input.name);
        if (input.name.toString().endsWith(".json")) {
            Files.copy(
                    RESOURCES.resolve("fuzz-corpus/small.safetensors"),
                    folder.resolve("small.safetensors"));
        }
        Files.write(file, input.bytes);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        long start = System.nanoTime();
        String refused = "";
        try {
            readAll(file);
        } catch (SoupException e) {
            refused =
                    e.getMessage()
                            .replace(file.toString(), "")
                            .replaceAll("'[^']*'?", "''")
                            .replaceAll("[0-9]+", "0");
        } catch (RuntimeException | Error e) {
            throw broken(input, which, "threw " + e, e);
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        double seconds = (System.nanoTime() - start) / 1e9;
        if (allocated > MAX_ALLOCATED || seconds > MAX_SECONDS) {
            throw broken(input, which, allocated + " bytes, " + seconds + " s", null);
        }
        try (Stream<Path> all = Files.list(folder)) {
            for (Path f : (Iterable<Path>) all::iterator) {
                Files.delete(f);
            }
        }
        Files.delete(folder);
        return refused;
    }

    private static void readAll(Path file) {
        try (Checkpoint c = Checkpoint.open(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(1 << 16);
            for (TensorSource s : c.parts().values()) {
                for (TensorInfo t : s.tensors().values()) {
                    for (long at = 0; at < t.byteSize(); at += buffer.byteSize()) {
                        long n = Math.min(buffer.byteSize(), t.byteSize() - at);
                        s.read(t.name(), at, buffer.asSlice(0, n));
                    }
                }
                s.checkUnchanged();
            }
        }
    }

    private static AssertionError broken(
            Input input, String which, String what, @Nullable Throwable e) throws IOException {
        Path kept = Files.createDirectories(Path.of("target/fuzz-failures"));
        kept = kept.resolve(which.replace(' ', '-') + "-" + input.name);
        Files.write(kept, input.bytes);
        return new AssertionError(kept + ": " + what, e);
    }
}
