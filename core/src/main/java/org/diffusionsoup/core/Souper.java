package org.diffusionsoup.core;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;

/**
 * Makes soups: w = sum k_i w_i with k_i above 0 and sum k_i = 1 (paper, Section 4), over all
 * weights of n safetensors files or n diffusers folders.
 *
 * <p>F64, F32, F16 and BF16 elements are the exact weighted mean rounded once to their own dtype
 * (to nearest, ties to even). Hence the weights do not depend on the order of the ingredients, the
 * number of threads or the machine. Tensors of other dtypes are copied if all ingredients agree,
 * and refused by name otherwise. The output holds no dates and no paths: equal inputs, names and
 * coefficients give equal bytes.
 *
 * <p>Memory stays at a few dozen megabytes, whatever the number and size of the ingredients.
 */
public final class Souper {
    private final AverageKernel.Factory kernels;
    private final int threads;
    private final boolean replace;
    private final SoupProgress progress;
    private final long bufferBytes;

    private Souper(
            AverageKernel.Factory kernels,
            int threads,
            boolean replace,
            SoupProgress progress,
            long bufferBytes) {
        this.kernels = kernels;
        this.threads = threads;
        this.replace = replace;
        this.progress = progress;
        this.bufferBytes = bufferBytes;
    }

    /** A souper with one thread per processor that refuses to replace an existing output. */
    public static Souper create() {
        return new Souper(
                FastKernel::new,
                Runtime.getRuntime().availableProcessors(),
                false,
                SoupProgress.NONE,
                FileAverage.BUFFER_BYTES);
    }

    /** The same with another number of worker threads, at least 1; the output is the same. */
    public Souper threads(int count) {
        if (count < 1) {
            throw new SoupException("The number of threads must be at least 1, not " + count + ".");
        }
        return new Souper(kernels, count, replace, progress, bufferBytes);
    }

    /** The same, but an existing output is replaced once the new one is complete. */
    public Souper replaceExisting(boolean allowed) {
        return new Souper(kernels, threads, allowed, progress, bufferBytes);
    }

    /** The same, reporting its progress. */
    public Souper progress(SoupProgress listener) {
        return new Souper(kernels, threads, replace, listener, bufferBytes);
    }

    Souper bufferBytes(long bytes) {
        return new Souper(kernels, threads, replace, progress, bytes);
    }

    Souper kernels(AverageKernel.Factory factory) {
        return new Souper(factory, threads, replace, progress, bufferBytes);
    }

    /**
     * Averages the ingredients into a new file or folder, which appears whole or not at all.
     *
     * @param ingredients at least one; all safetensors files, or all diffusers folders
     * @param output the file or folder to make; must not be one of the ingredients
     * @return what was made
     * @throws IncompatibleIngredientsException if they differ in files, configuration, tensor
     *     names, shapes or dtypes
     * @throws MalformedCheckpointException if an ingredient breaks its format
     * @throws SoupException if an ingredient holds NaN or infinities, if integer tensors differ, if
     *     the output exists, or if reading or writing fails
     */
    public Soup make(List<SoupIngredient> ingredients, Path output) {
        Coefficient.integers(ingredients.stream().map(SoupIngredient::coefficient).toList());
        checkOutput(ingredients, output);
        boolean folders = DiffusersFolder.isOne(ingredients.getFirst().path());
        List<Ingredient> opened = new ArrayList<>();
        for (SoupIngredient i : ingredients) {
            if (Files.isDirectory(i.path()) != folders && Files.exists(i.path())) {
                throw new SoupException(
                        "Cannot average "
                                + ingredients.getFirst().path()
                                + " with "
                                + i.path()
                                + ": ingredients must be all files or all diffusers folders.");
            }
            opened.add(Ingredient.open(i, folders));
        }
        for (Ingredient i : opened) {
            List<String> differences = opened.getFirst().differences(i);
            if (!differences.isEmpty()) {
                throw new IncompatibleIngredientsException(
                        opened.getFirst().what().path(), i.what().path(), differences);
            }
        }
        ExecutorService workers =
                Executors.newFixedThreadPool(
                        threads, Thread.ofPlatform().daemon().name("soup-", 0).factory());
        try {
            return new Run(hashed(opened, workers), workers).make(output, folders);
        } finally {
            workers.shutdownNow();
        }
    }

    private void checkOutput(List<SoupIngredient> ingredients, Path output) {
        Path out = output.toAbsolutePath().normalize();
        for (SoupIngredient i : ingredients) {
            if (out.startsWith(i.path().toAbsolutePath().normalize())) {
                throw new SoupException(
                        "Cannot write the soup to "
                                + output
                                + ": that is, or lies inside, its ingredient "
                                + i.path()
                                + ".");
            }
        }
        if (!replace && Files.exists(output)) {
            throw new SoupException(
                    "Cannot write the soup to "
                            + output
                            + ": it exists; remove it or allow replacing it.");
        }
    }

    /**
     * Hashes every file and puts the ingredients into an order of their own (hashes, coefficient,
     * name), so that the caller's order shows nowhere in the output.
     */
    private List<Ingredient> hashed(List<Ingredient> opened, ExecutorService workers) {
        Map<Path, Future<String>> jobs = new HashMap<>();
        Map<Path, Long> sizes = new HashMap<>();
        for (Ingredient i : opened) {
            for (Path f : i.files().values()) {
                sizes.put(f, f.toFile().length());
                jobs.computeIfAbsent(f, file -> workers.submit(() -> Hashes.sha256(file)));
            }
        }
        long total = sizes.values().stream().mapToLong(Long::longValue).sum();
        long done = 0;
        Map<Path, String> hashes = new HashMap<>();
        for (var job : jobs.entrySet()) {
            hashes.put(job.getKey(), get(job.getValue()));
            done += sizes.getOrDefault(job.getKey(), 0L);
            progress.update("hashing", done, total);
        }
        return opened.stream()
                .map(i -> i.withHashes(hashes))
                .sorted(
                        Comparator.comparing((Ingredient i) -> i.hashes().toString())
                                .thenComparing(i -> i.what().coefficient().toString())
                                .thenComparing(i -> i.what().name()))
                .toList();
    }

    private static String get(Future<String> job) {
        try {
            return job.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while hashing the ingredients.", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw new SoupException("Hashing the ingredients failed: " + e.getCause(), e);
        }
    }

    /** One soup in the making. */
    private final class Run {
        private final List<Ingredient> ingredients;
        private final ExecutorService workers;
        private final long[] a;
        private final Recipe recipe;
        private final long totalBytes;
        private long doneBytes;
        private long tensors;
        private long parameters;

        Run(List<Ingredient> ingredients, ExecutorService workers) {
            this.ingredients = ingredients;
            this.workers = workers;
            this.a =
                    Coefficient.integers(
                            ingredients.stream().map(i -> i.what().coefficient()).toList());
            this.recipe = new Recipe(ingredients, a);
            this.totalBytes =
                    ingredients.getFirst().headers().values().stream()
                            .flatMap(h -> h.tensors().values().stream())
                            .mapToLong(TensorInfo::byteSize)
                            .sum();
        }

        Soup make(Path output, boolean folder) {
            Ingredient first = ingredients.getFirst();
            if (folder) {
                Map<String, AtomicFiles.IoConsumer<Path>> made = new HashMap<>();
                first.files().keySet().forEach(f -> made.put(f, to -> writeFile(f, to)));
                DiffusersFolder.open(first.what().path()).copyTo(output, replace, made);
            } else {
                writeFile(first.files().firstKey(), output);
            }
            return new Soup(
                    output,
                    recipe.normalised(),
                    first.files().size(),
                    tensors,
                    parameters,
                    doneBytes);
        }

        private void writeFile(String file, Path to) {
            List<SafetensorsFile> open = new ArrayList<>();
            LongConsumer written =
                    n -> {
                        doneBytes += n;
                        progress.update("averaging", doneBytes, totalBytes);
                    };
            try {
                for (Ingredient i : ingredients) {
                    open.add(SafetensorsFile.open(i.file(file)));
                }
                try (FileAverage average =
                        new FileAverage(
                                open, a, kernels, workers, threads + 1, bufferBytes, written)) {
                    List<TensorEntry> entries = average.entries();
                    SafetensorsWriter.write(to, recipe.metadata(file), entries);
                    tensors += entries.size();
                    parameters +=
                            entries.stream()
                                    .filter(t -> FloatFormat.covers(t.dtype()))
                                    .mapToLong(t -> t.byteSize() / t.dtype().bytes())
                                    .sum();
                }
            } finally {
                open.forEach(SafetensorsFile::close);
            }
        }
    }
}
