package org.diffusionsoup.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.workbench.Progress;

/**
 * What a withdrawal of real size costs, beside the work it saves: everything in one run, on the
 * same files, all of which are in the page cache. All ways are gone on small checkpoints first, so
 * that none is timed while the JVM still interprets it.
 */
public final class WithdrawalBenchmark {
    /** How much smaller the checkpoints of the first round are. */
    private static final int SMALLER = 8;

    private static final int WARM = 4;
    private static final int LARGE = 16;
    private static final int HASHED = 256 << 10;
    private static final long HASHING_NANOS = 1_000_000_000;

    private final Path work;
    private final int threads;
    private final int tries;
    private final Progress progress;

    /**
     * @param work folder for checkpoints (kept) and registries (deleted again)
     * @param threads that average
     * @param tries merges are timed so often and the least taken
     */
    public WithdrawalBenchmark(Path work, int threads, int tries, Progress progress) {
        this.work = work;
        this.threads = threads;
        this.tries = tries;
        this.progress = progress;
    }

    /**
     * How long something took.
     *
     * @param seconds by the clock
     * @param cpuSeconds of all threads of this process, which others on the machine disturb less
     */
    public record Time(double seconds, double cpuSeconds) {
        /** This as a multiple of another, by the clock. */
        public double over(Time other) {
            return seconds / other.seconds;
        }

        /** The same by what the processors were busy. */
        public double cpuOver(Time other) {
            return cpuSeconds / other.cpuSeconds;
        }

        private Time least(Time other) {
            return new Time(
                    Math.min(seconds, other.seconds), Math.min(cpuSeconds, other.cpuSeconds));
        }
    }

    /**
     * One ingredient leaves a soup.
     *
     * @param from ingredients before
     * @param bytes of one checkpoint
     * @param withdraw the withdrawal: new soup by the kept sum, new sum, deletion, ledger and
     *     certificate
     * @param weights seconds of it that were spent on weights
     * @param registryAverage the registry makes the same soup from all that are left, with its sum
     * @param firstMerge the others are averaged from files never hashed before into a file, no
     *     registry
     * @param rememberedMerge the same where their SHA-256 are remembered
     * @param copy one checkpoint is copied and flushed
     * @param hashOne bytes a second that one thread hashes in memory by SHA-256
     * @param hashAll the same of all threads together
     */
    public record Result(
            int from,
            long bytes,
            Time withdraw,
            double weights,
            Time registryAverage,
            Time firstMerge,
            Time rememberedMerge,
            Time copy,
            double hashOne,
            double hashAll) {
        /** Seconds that all threads take to hash what a merge reads. */
        public double hashSeconds() {
            return (from - 1) * (double) bytes / hashAll;
        }
    }

    /**
     * Withdraws one ingredient from a soup of F16 checkpoints of SD 2.1's UNet shape.
     *
     * @param divisor every tensor's first dimension is divided by it
     * @param ingredients before the withdrawal, at least 2
     */
    public Result run(int divisor, int ingredients) {
        if (divisor <= LARGE) { // smaller ones are over before compiling would pay
            once(divisor * SMALLER, Math.min(ingredients, WARM));
        }
        return once(divisor, ingredients);
    }

    private Result once(int divisor, int ingredients) {
        CheckpointMaker maker = new CheckpointMaker(DType.F16, divisor);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i <= ingredients; i++) {
            Path file =
                    work.resolve("f16-1-" + divisor)
                            .resolve("ingredient-%02d.safetensors".formatted(i));
            if (file.toFile().length() < maker.bytes()) {
                maker.make(file, i, progress);
            }
            files.add(file);
        }
        Path folder = RegistryBenchmark.fresh(work, "withdrawal");
        Registry r = Registry.init(folder.resolve("registry"), Optional.empty()).with(options());
        Random random = new Random(2);
        progress.start("registry", ingredients + 2L, "checkpoints");
        r.addBase("base", files.removeFirst());
        progress.advance(1);
        List<String> live = new ArrayList<>();
        for (int i = 0; i < ingredients; i++) {
            r.addShard(RegistryBenchmark.shard("shard-" + i, 100, random));
            RegistryBenchmark.ingredient(r, i, files.get(i));
            live.add("shard-" + i);
            progress.advance(1);
        }
        r.make(new SoupPlan("soup", List.of(), true, Optional.empty(), true));
        progress.advance(1);
        progress.start("withdraw", 6, "ways");
        String gone = live.removeFirst();
        files.removeFirst();
        files.forEach(WithdrawalBenchmark::read); // all of them in the page cache, for everyone
        List<Withdrawn> out = new ArrayList<>();
        Time withdraw =
                time(() -> out.add(r.withdraw(WithdrawRequest.ofShards(List.of(gone), "t"))));
        progress.advance(1);
        List<SoupPlan.Item> items =
                live.stream().map(n -> new SoupPlan.Item(n, Coefficient.ONE)).toList();
        Time again =
                time(() -> r.make(new SoupPlan("afresh", items, false, Optional.empty(), true)));
        progress.advance(1);
        Path soup = folder.resolve("soup.safetensors");
        SoupOptions remembering = options().withHashes(HashCache.in(folder.resolve("hashes")));
        merge(remembering, files, soup);
        Time first = merge(options(), files, soup);
        Time remembered = merge(remembering, files, soup);
        for (int t = 1; t < tries; t++) {
            first = first.least(merge(options(), files, soup));
            remembered = remembered.least(merge(remembering, files, soup));
        }
        progress.advance(2);
        Time copy = time(() -> copy(files.getFirst(), folder.resolve("copy")));
        progress.advance(1);
        double one = hashing(1);
        double all = hashing(threads);
        progress.advance(1);
        RegistryBenchmark.delete(folder);
        return new Result(
                ingredients,
                maker.bytes(),
                withdraw,
                out.getFirst().weightsSeconds(),
                again,
                first,
                remembered,
                copy,
                one,
                all);
    }

    private Time merge(SoupOptions options, List<Path> files, Path soup) {
        Time t =
                time(() ->
                        Souper.with(options)
                                .make(files.stream().map(SoupIngredient::of).toList(), soup));
        RegistryBenchmark.delete(soup);
        return t;
    }

    private SoupOptions options() {
        return SoupOptions.DEFAULT.withThreads(threads);
    }

    private static Time time(Runnable run) {
        long cpu = cpuNanos();
        long start = System.nanoTime();
        run.run();
        return new Time((System.nanoTime() - start) / 1e9, (cpuNanos() - cpu) / 1e9);
    }

    private static long cpuNanos() {
        return ManagementFactory.getOperatingSystemMXBean()
                        instanceof com.sun.management.OperatingSystemMXBean os
                ? os.getProcessCpuTime()
                : 0;
    }

    /** Bytes a second that threads hash together, of memory in the processor's caches. */
    private static double hashing(int threads) {
        long[] done = new long[threads];
        List<Thread> running = new ArrayList<>();
        long start = System.nanoTime();
        for (int t = 0; t < threads; t++) {
            int number = t;
            running.add(Thread.ofPlatform().start(() -> done[number] = hashed(start)));
        }
        long all = 0;
        for (int t = 0; t < threads; t++) {
            try {
                running.get(t).join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            all += done[t];
        }
        return all / ((System.nanoTime() - start) / 1e9);
    }

    private static long hashed(long start) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] bytes = new byte[HASHED];
            long done = 0;
            while (System.nanoTime() - start < HASHING_NANOS) {
                digest.update(bytes);
                done += bytes.length;
            }
            return done;
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private static void read(Path file) {
        try (var in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 20];
            while (in.read(buffer) >= 0) {
                // only into the cache
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** As safe as the soup beside it: on disk when this returns. */
    private static void copy(Path from, Path to) {
        try {
            Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
            try (var channel =
                    java.nio.channels.FileChannel.open(
                            to, java.nio.file.StandardOpenOption.WRITE)) {
                channel.force(true);
            }
        } catch (IOException e) {
            throw new SoupIoException("copy", from, e);
        }
        RegistryBenchmark.delete(to);
    }
}
