package org.diffusionsoup.core.method;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.method.tensor.Window;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Computes a {@link MergeRecipe} over checkpoints of any size: tensor by tensor and piece by piece,
 * in memory that does not grow with them.
 *
 * <p>The output has the layout, the dtypes and the other files of the first weights from the root
 * down. Floating-point elements are computed in double and rounded once to their dtype, to nearest
 * with ties to even; what is no more than a mean of inputs is exact. Tensors of other dtypes are
 * copied if all weights agree, and refused otherwise, as are NaN and infinities. The bytes do not
 * depend on the number of threads, nor on the order of terms of a mean, a sum, a Fisher mean or
 * TIES.
 */
public final class MethodMerge {
    private static final long BUFFER_BYTES = 48L << 20;
    private static final int LARGEST_PIECE = 1 << 17;

    private final int threads;
    private final CheckpointWriter writer;
    private final SoupProgress progress;
    private final HashCache hashes;
    private final int pieceElements;

    private MethodMerge(
            int threads,
            CheckpointWriter writer,
            SoupProgress progress,
            HashCache hashes,
            int pieceElements) {
        this.threads = threads;
        this.writer = writer;
        this.progress = progress;
        this.hashes = hashes;
        this.pieceElements = pieceElements;
    }

    /** One thread per processor; an existing output is refused. */
    public static MethodMerge create() {
        return new MethodMerge(
                Runtime.getRuntime().availableProcessors(),
                CheckpointWriter.DEFAULT,
                SoupProgress.NONE,
                HashCache.none(),
                0);
    }

    /** The same with another number of worker threads, at least 1; the output is the same. */
    public MethodMerge threads(int count) {
        if (count < 1) {
            throw new SoupException("The number of threads must be at least 1, not " + count + ".");
        }
        return new MethodMerge(count, writer, progress, hashes, pieceElements);
    }

    /** The same, but an existing output is replaced once the new one is complete. */
    public MethodMerge replaceExisting(boolean allowed) {
        return new MethodMerge(
                threads,
                new CheckpointWriter(allowed, 0, writer.misfits()),
                progress,
                hashes,
                pieceElements);
    }

    /**
     * The same, refusing a result that does not fit the configurations that are copied.
     *
     * @param by what does not fit in a checkpoint, see {@link CheckpointWriter}
     */
    public MethodMerge misfits(Function<Checkpoint, List<String>> by) {
        return new MethodMerge(
                threads,
                new CheckpointWriter(writer.replace(), 0, by),
                progress,
                hashes,
                pieceElements);
    }

    /** The same, reporting its progress. */
    public MethodMerge progress(SoupProgress listener) {
        return new MethodMerge(threads, writer, listener, hashes, pieceElements);
    }

    /** The same, remembering the inputs' hashes. */
    public MethodMerge hashes(HashCache cache) {
        return new MethodMerge(threads, writer, progress, cache, pieceElements);
    }

    /** The same with pieces of that many elements, a multiple of {@link Window#BLOCK}. */
    MethodMerge pieceElements(int elements) {
        return new MethodMerge(threads, writer, progress, hashes, elements);
    }

    /**
     * Merges into a new file or folder, which appears whole or not at all.
     *
     * @throws org.diffusionsoup.core.mismatch.IncompatibleIngredientsException if the inputs differ
     *     in components, tensor names or shapes
     * @throws SoupException if an input holds NaN or infinities or negative Fisher values, integer
     *     tensors differ, a result is too large for its dtype, a pattern fits no tensor, the output
     *     exists, or reading or writing fails
     */
    public Merged make(MergeRecipe recipe, Path output) {
        checkOutput(recipe, output);
        SequencedMap<String, Checkpoint> opened = new LinkedHashMap<>();
        ExecutorService workers =
                Executors.newFixedThreadPool(
                        threads, Thread.ofPlatform().daemon().name("merge-", 0).factory());
        try {
            recipe.inputs().forEach((name, path) -> opened.put(name, Checkpoint.openWhole(path)));
            SequencedMap<String, Checkpoint> open = Compatible.named(recipe, opened);
            boolean alike = recipe.policy().refusesAll();
            if (alike) {
                Compatible.check(recipe, recipe.merge(), open);
            }
            SortedMap<String, SortedMap<String, String>> byPart = hashed(open, workers);
            WeightExpr tree =
                    Trees.canonical(
                            recipe.merge(), input -> String.valueOf(contents(byPart, input)));
            if (!alike) {
                Compatible.check(recipe, tree, open); // with the first of the tree that is stored
            }
            MergeRun run = new MergeRun(tree, recipe.policy(), open, byPart, workers, this);
            Map<String, StateDict> parts = run.parts();
            try (run) {
                writer.write(run.like(), run.dropped(), parts, output);
            }
            return run.merged(output, recipe.inputs());
        } finally {
            workers.shutdownNow();
            opened.values().forEach(Checkpoint::close);
        }
    }

    private static List<String> contents(
            SortedMap<String, SortedMap<String, String>> byPart, String input) {
        return byPart.values().stream().map(m -> m.getOrDefault(input, "")).toList();
    }

    int slots() {
        return threads + 1;
    }

    SoupProgress progress() {
        return progress;
    }

    /** Elements of a piece for that many inputs. */
    int pieceFor(int inputs) {
        if (pieceElements > 0) {
            return pieceElements;
        }
        long share = BUFFER_BYTES / slots() / (inputs + 1) / 8 / Window.BLOCK * Window.BLOCK;
        return (int) Math.clamp(share, Window.BLOCK, LARGEST_PIECE);
    }

    private void checkOutput(MergeRecipe recipe, Path output) {
        Inputs.keep(output, recipe.inputs().values(), "its input");
        ModelOutput.MODEL.check(output, writer.replace());
    }

    /** SHA-256 of every part of every input: by part, then by input. */
    private SortedMap<String, SortedMap<String, String>> hashed(
            SequencedMap<String, Checkpoint> open, ExecutorService workers) {
        Map<Path, Future<String>> jobs = new LinkedHashMap<>();
        long total = 0;
        for (Checkpoint c : open.values()) {
            for (TensorSource part : c.parts().values()) {
                for (Path f : part.files()) {
                    if (!jobs.containsKey(f)) {
                        jobs.put(f, workers.submit(() -> hashes.sha256(f)));
                        total += f.toFile().length();
                    }
                }
            }
        }
        Map<Path, String> byFile = new HashMap<>();
        long done = 0;
        for (var job : jobs.entrySet()) {
            byFile.put(job.getKey(), get(job.getValue()));
            done += job.getKey().toFile().length();
            progress.update("hashing", done, total);
        }
        SortedMap<String, SortedMap<String, String>> byPart = new TreeMap<>();
        open.forEach((name, c) ->
                c.parts()
                        .forEach((part, source) ->
                                byPart.computeIfAbsent(part, p -> new TreeMap<>())
                                        .put(name, partHash(source, byFile))));
        return byPart;
    }

    private static String partHash(TensorSource source, Map<Path, String> byFile) {
        List<Path> files = new ArrayList<>(source.files());
        return Hashes.ofFiles(files, f -> byFile.getOrDefault(f, ""));
    }

    private static String get(Future<String> job) {
        try {
            return job.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while hashing the inputs.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new SoupException("Hashing the inputs failed: " + e.getCause(), e);
        }
    }
}
