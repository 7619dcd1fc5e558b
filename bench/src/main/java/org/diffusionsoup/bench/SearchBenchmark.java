package org.diffusionsoup.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.search.Candidate;
import org.diffusionsoup.core.search.CandidateWeights;
import org.diffusionsoup.core.search.Greedy;
import org.diffusionsoup.core.search.MemorySoups;
import org.diffusionsoup.core.search.ReverseGreedy;
import org.diffusionsoup.core.search.ScoreBook;
import org.diffusionsoup.core.search.Scorer;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.core.search.SearchResult;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;

/**
 * What forming candidates costs, with a scorer that costs nothing: searches over checkpoints of SD
 * 2.1's UNet shape, against reading one ingredient from the page cache.
 */
public final class SearchBenchmark {
    private static final int READ_BUFFER = 512 << 10;

    /** About what a large tensor has, which models take whole. */
    private static final int LOOK_BUFFER = 8 << 20;

    private final Path work;
    private final int threads;
    private final int tries;
    private final Progress progress;
    private final HashCache hashes;

    /**
     * @param work folder for the checkpoints, which are made where they are missing
     * @param threads that read and add
     * @param tries everything is timed so often and the least taken
     */
    public SearchBenchmark(Path work, int threads, int tries, Progress progress) {
        this.work = work;
        this.threads = threads;
        this.tries = tries;
        this.progress = progress;
        this.hashes = HashCache.in(work.resolve("hashes"));
    }

    /**
     * One measurement.
     *
     * @param method the search
     * @param looked whether the scorer read every weight of every candidate, or none
     * @param candidates how many were formed
     * @param reads whole ingredients read for them
     * @param seconds the whole search
     * @param readSeconds one thread reading one ingredient's file into a small buffer
     * @param ratio seconds / (candidates × readSeconds)
     * @param outside share of the weights that are not in the running sum
     * @param ingredientBytes size of one ingredient
     * @param heldBytes sums and held ingredient
     * @param residentBytes growth of the process from before the search to its end; 0 if unknown
     */
    public record Row(
            String method,
            boolean looked,
            int candidates,
            long reads,
            double seconds,
            double readSeconds,
            double ratio,
            double outside,
            long ingredientBytes,
            long heldBytes,
            long residentBytes) {}

    /** Greedy and reverse greedy, with a scorer that looks at nothing and one at everything. */
    public List<Row> run(int divisor, int ingredients) {
        CheckpointMaker maker = new CheckpointMaker(DType.F16, divisor);
        List<Path> files = new ArrayList<>();
        for (int i = 1; i <= ingredients; i++) {
            Path file =
                    work.resolve("f16-1-" + divisor)
                            .resolve("ingredient-0%d.safetensors".formatted(i));
            if (file.toFile().length() < maker.bytes()) {
                maker.make(file, i, progress);
            }
            files.add(file);
        }
        List<Row> rows = new ArrayList<>();
        double read = Double.POSITIVE_INFINITY;
        for (Path f : files) {
            read(f); // into the cache
        }
        for (int t = 0; t < 3 * tries; t++) {
            read = Math.min(read, read(files.get(t % files.size())));
        }
        for (SearchMethod method : List.of(new Greedy(), new ReverseGreedy())) {
            for (boolean look : new boolean[] {false, true}) {
                Row best = once(method, look, files, read, maker.bytes());
                for (int t = 1; t < tries; t++) {
                    Row row = once(method, look, files, read, maker.bytes());
                    best = row.seconds() < best.seconds() ? row : best;
                }
                rows.add(best);
            }
        }
        return rows;
    }

    private Row once(SearchMethod method, boolean look, List<Path> files, double read, long size) {
        long before = ProcessMemory.resident().orElse(0);
        progress.start(method.name(), 0, "");
        try (MemorySoups soups =
                        MemorySoups.open(
                                files,
                                SoupOptions.DEFAULT.withThreads(threads).withHashes(hashes));
                Dummy dummy = new Dummy(look)) {
            // Opening hashes the files and clears the memory: no part of a candidate's cost.
            long start = System.nanoTime();
            SearchResult r = method.run(ScoreBook.of(soups, dummy));
            double seconds = (System.nanoTime() - start) / 1e9;
            int n = r.evaluations().size();
            long after = ProcessMemory.resident().orElse(before);
            return new Row(
                    method.name(),
                    look,
                    n,
                    soups.running().reads(),
                    seconds,
                    read,
                    seconds / (n * read),
                    (double) soups.running().outsideSums() / (size / 2.0),
                    size,
                    soups.running().memory(),
                    after - before);
        }
    }

    private static double read(Path file) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(READ_BUFFER);
        long start = System.nanoTime();
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            while (in.read(buffer) >= 0) {
                buffer.clear();
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** Random scores, by the candidate alone. */
    private static final class Dummy implements Scorer, AutoCloseable {
        private final boolean look;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment buffer = arena.allocate(LOOK_BUFFER, 64);

        Dummy(boolean look) {
            this.look = look;
        }

        @Override
        public SortedMap<String, String> identity() {
            return new TreeMap<>();
        }

        @Override
        public double[] score(Candidate candidate, CandidateWeights weights) {
            if (look) {
                TensorSource part = weights.part("");
                for (TensorInfo t : part.tensors().values()) {
                    for (long at = 0; at < t.byteSize(); at += LOOK_BUFFER) {
                        long n = Math.min(LOOK_BUFFER, t.byteSize() - at);
                        part.read(t.name(), at, buffer.asSlice(0, n));
                    }
                }
            }
            SplittableRandom random = new SplittableRandom(candidate.hashCode());
            return new double[] {random.nextDouble(), random.nextDouble()};
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
