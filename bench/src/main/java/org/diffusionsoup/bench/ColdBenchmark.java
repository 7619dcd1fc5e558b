package org.diffusionsoup.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.diffusionsoup.bench.MergeBenchmark.Setting;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.workbench.Progress;

/**
 * Measures {@code soup merge} where every byte has to come from the disk: of more ingredients than
 * fit into memory, against the disk's own read speed and against {@code cat} of the inputs plus
 * {@code cp} of one. Everything is measured once, and before each measurement cached pages are
 * dropped.
 */
public final class ColdBenchmark {
    /** Inputs are at least this many times the memory. */
    private static final double PAST_MEMORY = 1.1;

    /** A smaller run has at least so many ingredients, smaller ones if need be. */
    private static final int FEWEST = 4;

    private static final int LARGEST_DIVISOR = 1024;

    /** A checkpoint's header, generously. */
    private static final long HEADER_BYTES = 1 << 20;

    private static final Path MEMORY = Path.of("/proc/meminfo");
    private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

    /** Whose cached pages were dropped before each measurement. */
    public enum Dropped {
        /** All of the machine's, the program's own files among them. */
        MACHINE,
        /** Those of the inputs alone, which needs no permission. */
        INPUTS,
        /** Nobody's: only the size past memory keeps the cache from serving the inputs. */
        NOTHING
    }

    /**
     * What was measured; times in seconds.
     *
     * @param setting the ingredients
     * @param memoryBytes the machine's memory
     * @param dropped which cached pages were dropped before each measurement
     * @param direct reading all inputs past the page cache with {@code dd}; empty where {@code dd}
     *     or the file system cannot do that
     * @param cat {@code cat} of the inputs to {@code /dev/null}
     * @param cp {@code cp} of the input that {@code cat} read last, right after it
     * @param flush {@code sync} of that copy, as a merge's output is on the disk before it gets its
     *     name
     * @param first {@code soup merge} with nothing remembered: all inputs are hashed, too
     * @param merge {@code soup merge} of inputs whose hashes are remembered
     * @param peakMegabytes largest sum of anonymous and shared memory of a merging process, as in
     *     {@link MergeBenchmark.Row}
     */
    public record Result(
            Setting setting,
            long inputBytes,
            long memoryBytes,
            Dropped dropped,
            OptionalDouble direct,
            double cat,
            double cp,
            double flush,
            double first,
            double merge,
            double peakMegabytes) {
        /** Whether the inputs are larger than memory, so that no cache can hold them. */
        public boolean isPastMemory() {
            return inputBytes > memoryBytes;
        }

        /** {@code merge} over {@code cat} of the inputs plus {@code cp} of one. */
        public double ratio() {
            return merge / (cat + cp);
        }

        /** The same, the copy being on the disk. */
        public double flushedRatio() {
            return merge / (cat + cp + flush);
        }

        /** The rate at which a merge reads its inputs, as a share of the disk's own. */
        public OptionalDouble shareOfDirect() {
            return direct.isPresent()
                    ? OptionalDouble.of(direct.getAsDouble() / merge)
                    : OptionalDouble.empty();
        }

        /** Input bytes over a time, in GB/s. */
        public double rate(double seconds) {
            return inputBytes / 1e9 / seconds;
        }
    }

    private final Path work;
    private final OptionalLong size;
    private final boolean spareOthers;
    private final Path dropCaches;
    private final Progress progress;

    /**
     * A benchmark at a size past memory, or another.
     *
     * @param work folder for checkpoints, which stay there for the next run, and for outputs
     * @param size least size of all inputs together, in bytes; empty: 1.1 times the machine's
     *     memory, in checkpoints of full size. Below four such checkpoints smaller ones are made
     * @param spareOthers whether only the inputs' own cached pages are dropped instead of all that
     *     the machine has cached, which everyone on it would notice
     */
    public ColdBenchmark(Path work, OptionalLong size, boolean spareOthers, Progress progress) {
        this(work, size, spareOthers, DROP_CACHES, progress);
    }

    ColdBenchmark(
            Path work, OptionalLong size, boolean spareOthers, Path dropCaches, Progress progress) {
        this.work = work;
        this.size = size;
        this.spareOthers = spareOthers;
        this.dropCaches = dropCaches;
        this.progress = progress;
    }

    /**
     * Makes what is missing of the ingredients, and measures.
     *
     * @throws SoupException if the work folder's disk lacks room for them and one output, or a
     *     process fails
     */
    public Result run() {
        long memory = memory();
        Setting setting = setting(memory);
        Path copy = work.resolve("copy.safetensors");
        Path out = work.resolve("soup.safetensors");
        // Of its own, and new: the first merge has to hash everything, the second nothing.
        Path remembered = work.resolve("cold-hashes");
        try {
            Files.createDirectories(work);
            clear(copy, out, remembered);
            checkRoom(setting);
            List<Path> files = MergeBenchmark.files(work, setting, progress);
            return measure(setting, memory, files, copy, out, remembered);
        } catch (IOException e) {
            throw new SoupIoException("use", work, e);
        } finally {
            clear(copy, out, remembered);
        }
    }

    private Result measure(
            Setting setting, long memory, List<Path> files, Path copy, Path out, Path remembered) {
        progress.start("measure n = " + setting.ingredients() + ", cold", 4, "runs");
        Dropped dropped = drop(files);
        OptionalDouble direct = direct(files);
        progress.advance(1);
        drop(files);
        List<String> cat = new ArrayList<>(List.of("cat"));
        files.forEach(f -> cat.add(f.toString()));
        double catTime = MeasuredProcess.of(cat).seconds();
        // Of the one that is cached if any is: a merge need not read any input twice, either.
        String last = files.getLast().toString();
        double cp = MeasuredProcess.of(List.of("cp", last, copy.toString())).seconds();
        double flush = MeasuredProcess.of(List.of("sync", copy.toString())).seconds();
        clear(copy);
        progress.advance(1);
        Map<String, String> environment =
                Map.of("SOUP_CACHE", remembered.toAbsolutePath().toString());
        drop(files);
        MeasuredProcess first = MeasuredProcess.soup(MergeBenchmark.merge(files, out), environment);
        clear(out);
        checkRemembered(remembered, files.size());
        progress.advance(1);
        drop(files);
        MeasuredProcess merge = MeasuredProcess.soup(MergeBenchmark.merge(files, out), environment);
        progress.advance(1);
        return new Result(
                setting,
                files.stream().mapToLong(f -> f.toFile().length()).sum(),
                memory,
                dropped,
                direct,
                catTime,
                cp,
                flush,
                first.seconds(),
                merge.seconds(),
                Math.max(first.peakMegabytes(), merge.peakMegabytes()));
    }

    private Setting setting(long memory) {
        long atLeast = size.orElse((long) Math.ceil(memory * PAST_MEMORY));
        int divisor = 1;
        while (size.isPresent()
                && divisor < LARGEST_DIVISOR
                && FEWEST * new CheckpointMaker(DType.F16, divisor).bytes() > atLeast) {
            divisor *= 2;
        }
        long each = new CheckpointMaker(DType.F16, divisor).bytes();
        long n = Math.max(2, Math.ceilDiv(atLeast, each));
        if (n > 1_000_000) {
            throw new SoupException(
                    "A merge of "
                            + n
                            + " ingredients is not what this measures; name a smaller"
                            + " size.");
        }
        return new Setting(DType.F16, divisor, (int) n);
    }

    private void checkRoom(Setting setting) throws IOException {
        long each = new CheckpointMaker(setting.dtype(), setting.divisor()).bytes();
        long missing =
                MergeBenchmark.places(work, setting).stream()
                        .filter(f -> f.toFile().length() < each)
                        .count();
        long needed = (missing + 1) * (each + HEADER_BYTES);
        long free = Files.getFileStore(work).getUsableSpace();
        if (free < needed) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "The disk of %s lacks %.2f GB: %d more ingredients of %.2f GB and one"
                                    + " output need %.2f GB, and %.2f GB are free.",
                            work,
                            (needed - free) / 1e9,
                            missing,
                            each / 1e9,
                            needed / 1e9,
                            free / 1e9));
        }
    }

    /** What this says of the first measurement goes for all: permissions do not change. */
    Dropped drop(List<Path> files) {
        if (!spareOthers) {
            // Pages that are not yet on the disk cannot be dropped.
            MeasuredProcess.of(List.of("sync"));
            try {
                Files.writeString(dropCaches, "3\n", StandardOpenOption.WRITE);
                return Dropped.MACHINE;
            } catch (IOException e) {
                // Not permitted here; whose pages were dropped is part of the result.
            }
        }
        List<String> sync = new ArrayList<>(List.of("sync"));
        files.forEach(f -> sync.add(f.toString()));
        MeasuredProcess.of(sync);
        return PageCache.drop(files) ? Dropped.INPUTS : Dropped.NOTHING;
    }

    private static OptionalDouble direct(List<Path> files) {
        double seconds = 0;
        for (Path f : files) {
            MeasuredProcess p =
                    MeasuredProcess.attempt(dd(f, "of=/dev/null", "bs=8M", "iflag=direct"));
            if (p.status() != 0) {
                return OptionalDouble.empty();
            }
            seconds += p.seconds();
        }
        return OptionalDouble.of(seconds);
    }

    private static List<String> dd(Path file, String... operands) {
        List<String> command = new ArrayList<>(List.of("dd", "if=" + file, "status=none"));
        command.addAll(List.of(operands));
        return command;
    }

    /** Else the second merge would hash again, and nobody would see it. */
    private static void checkRemembered(Path cache, int files) {
        try (Stream<Path> all = Files.walk(cache)) {
            long remembered = all.filter(Files::isRegularFile).count();
            if (remembered < files) {
                throw new SoupException(
                        "Only "
                                + remembered
                                + " of "
                                + files
                                + " hashes were remembered; was the work folder being changed?");
            }
        } catch (IOException e) {
            throw new SoupIoException("read", cache, e);
        }
    }

    private static long memory() {
        try {
            for (String line : Files.readAllLines(MEMORY)) {
                if (line.startsWith("MemTotal:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", MEMORY, e);
        }
        throw new SoupException(MEMORY + " does not tell the size of memory.");
    }

    private static void clear(Path... leftovers) {
        for (Path p : leftovers) {
            if (!Files.exists(p)) {
                continue;
            }
            try (Stream<Path> all = Files.walk(p)) {
                for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(each);
                }
            } catch (IOException e) {
                throw new SoupIoException("delete", p, e);
            }
        }
    }
}
