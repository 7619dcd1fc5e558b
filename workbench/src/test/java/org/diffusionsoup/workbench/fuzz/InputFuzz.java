package org.diffusionsoup.workbench.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;

/**
 * Feeds damaged tars, pictures, configs, YAML and caption folders to what reads them. Rule: an
 * input is read, or refused by one {@link SoupException} of one line, within 10 s of the processor.
 */
final class InputFuzz {
    private static final double MOST_SECONDS = 10;
    private static final int MOST_POOL = 3000;
    private static final int MOST_KEPT = 1 << 16;

    /** A kind of input. */
    interface Target {
        /** Files to begin with, by name. */
        Map<String, byte[]> seeds() throws IOException;

        byte[] damaged(String name, byte[] from, Damage damage, Random random) throws IOException;

        /** Reads one input that lies in a folder of its own, under its name. */
        void read(Path file) throws IOException;
    }

    /** Counts of one kind. */
    static final class Tally {
        long inputs;
        long read;
        final Set<String> reasons = new HashSet<>();

        @Override
        public String toString() {
            return "%d inputs: %d read, %d refused for %d reasons"
                    .formatted(inputs, read, inputs - read, reasons.size());
        }
    }

    final Map<String, Tally> tallies = new TreeMap<>();
    final Map<String, String> findings = new LinkedHashMap<>();

    private final Path dir;
    private final long seed;
    private final Path kept;

    InputFuzz(Path dir, long seed, Path kept) {
        this.dir = dir;
        this.seed = seed;
        this.kept = kept;
    }

    /** Runs all kinds in turns, for this many seconds in all. */
    void run(double seconds) throws IOException {
        Map<String, Target> targets = FuzzTargets.all(dir);
        Map<String, List<Map.Entry<String, byte[]>>> pools = new LinkedHashMap<>();
        Map<String, Integer> whole = new LinkedHashMap<>();
        for (var e : targets.entrySet()) {
            whole.put(e.getKey(), e.getValue().seeds().size());
            pools.put(e.getKey(), new ArrayList<>(e.getValue().seeds().entrySet()));
            tallies.put(e.getKey(), new Tally());
        }
        Random random = new Random(seed);
        Damage damage = new Damage(random);
        long start = System.nanoTime();
        for (long n = 0; (System.nanoTime() - start) / 1e9 < seconds; n++) {
            for (var e : targets.entrySet()) {
                List<Map.Entry<String, byte[]>> pool = pools.get(e.getKey());
                // Half of the time a whole one, which is still read more often.
                int among = random.nextBoolean() ? whole.get(e.getKey()) : pool.size();
                Map.Entry<String, byte[]> from = pool.get(random.nextInt(among));
                byte[] input = e.getValue().damaged(from.getKey(), from.getValue(), damage, random);
                boolean isNew = one(e.getKey(), e.getValue(), from.getKey(), input, n);
                if (isNew && pool.size() < MOST_POOL && input.length < MOST_KEPT) {
                    pool.add(Map.entry(from.getKey(), input));
                }
            }
        }
    }

    /** Whether its outcome was not seen before. */
    private boolean one(String kind, Target target, String name, byte[] input, long n)
            throws IOException {
        Path folder = Files.createTempDirectory(dir, "i");
        Path file = Files.write(folder.resolve(name), input);
        Tally tally = tallies.get(kind);
        tally.inputs++;
        long start = processorNanos();
        String outcome = "";
        try {
            target.read(file);
            tally.read++;
        } catch (SoupException e) {
            String message = String.valueOf(e.getMessage());
            if (message.length() > 1000 || message.isBlank()) {
                found(kind, name, input, n, "a message of " + message.length() + " characters");
            }
            outcome =
                    message.replace(folder.toString(), "")
                            .replaceAll("\"[^\"]*\"?", "")
                            .replaceAll("[0-9]+", "0");
            outcome = outcome.substring(0, Math.min(120, outcome.length()));
        } catch (RuntimeException | Error e) {
            found(kind, name, input, n, trace(e));
        }
        double seconds = (processorNanos() - start) / 1e9;
        if (seconds > MOST_SECONDS) {
            found(kind, name, input, n, "took over 10 s of the processor");
        }
        delete(folder);
        return tally.reasons.add(outcome);
    }

    private static String trace(Throwable e) {
        StringBuilder out = new StringBuilder(e.getClass().getName());
        int shown = 0;
        for (StackTraceElement at : e.getStackTrace()) {
            if (at.getClassName().startsWith("org.diffusionsoup") && shown++ < 2) {
                out.append(" at ").append(at.getFileName()).append(':').append(at.getLineNumber());
            }
        }
        return out.toString();
    }

    private void found(String kind, String name, byte[] input, long n, String what)
            throws IOException {
        if (findings.containsKey(kind + ": " + what)) {
            return;
        }
        Path file = Files.createDirectories(kept).resolve(kind + "-" + seed + "-" + n + "-" + name);
        Files.write(file, input);
        findings.put(kind + ": " + what, file.toString());
        System.err.println("found " + kind + ": " + what + " " + file);
    }

    private static void delete(Path folder) {
        try {
            Files.walkFileTree(
                    folder,
                    new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult visitFile(Path f, BasicFileAttributes a)
                                throws IOException {
                            Files.delete(f);
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult postVisitDirectory(Path d, IOException e)
                                throws IOException {
                            Files.delete(d);
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        tallies.forEach((kind, t) -> out.append(kind).append(": ").append(t).append('\n'));
        findings.forEach((what, file) -> out.append(what).append(" (").append(file).append(")\n"));
        return out.toString();
    }

    /** Of this thread: a busy machine is no fault of the input. */
    private static long processorNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
