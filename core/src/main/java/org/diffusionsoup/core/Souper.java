package org.diffusionsoup.core;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Makes soups: w = sum k_i w_i with k_i above 0 and sum k_i = 1 (paper, Section 4), over all
 * weights of n checkpoints of any layout.
 *
 * <p>Floating-point elements are the exact weighted mean rounded once to the output's dtype (to
 * nearest, ties to even). Hence the weights do not depend on the order of the ingredients, the
 * number of threads or the machine. Tensors of other dtypes are copied if all ingredients agree,
 * and refused by name otherwise. The output holds no dates and no paths: equal inputs, names and
 * coefficients give equal bytes.
 *
 * <p>Memory stays at a few dozen megabytes, whatever the number and size of the ingredients.
 */
public final class Souper {
    /**
     * How soups are made.
     *
     * @param threads worker threads, at least 1; the output does not depend on them
     * @param writer layout of the output
     * @param outputDType dtype of all floating-point tensors written; empty: each tensor's own
     * @param allowNonFinite whether NaN and infinities are averaged (as IEEE 754 adds them) instead
     *     of refused
     * @param components of diffusers folders, the only ones to average, the others being copied
     *     from the first ingredient; empty for all
     * @param hashes remembers the SHA-256 of ingredients
     * @param progress told how far a soup is
     */
    public record Options(
            int threads,
            CheckpointWriter writer,
            Optional<DType> outputDType,
            boolean allowNonFinite,
            SortedSet<String> components,
            HashCache hashes,
            SoupProgress progress) {
        /** One thread per processor; an existing output is refused, as are NaN and infinities. */
        public static final Options DEFAULT =
                new Options(
                        Runtime.getRuntime().availableProcessors(),
                        CheckpointWriter.DEFAULT,
                        Optional.empty(),
                        false,
                        new TreeSet<>(),
                        HashCache.none(),
                        SoupProgress.NONE);

        public Options {
            components = Collections.unmodifiableSortedSet(new TreeSet<>(components));
            if (threads < 1) {
                throw new SoupException(
                        "The number of threads must be at least 1, not " + threads + ".");
            }
            if (outputDType.isPresent() && !outputDType.get().isFloat()) {
                throw new SoupException(
                        "Soups are floating-point; " + outputDType.get() + " is no such dtype.");
            }
        }

        public Options withThreads(int count) {
            return new Options(
                    count, writer, outputDType, allowNonFinite, components, hashes, progress);
        }

        public Options withWriter(CheckpointWriter w) {
            return new Options(
                    threads, w, outputDType, allowNonFinite, components, hashes, progress);
        }

        public Options withOutputDType(Optional<DType> dtype) {
            return new Options(
                    threads, writer, dtype, allowNonFinite, components, hashes, progress);
        }

        public Options withAllowNonFinite(boolean allowed) {
            return new Options(threads, writer, outputDType, allowed, components, hashes, progress);
        }

        public Options withComponents(Collection<String> names) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    new TreeSet<>(names),
                    hashes,
                    progress);
        }

        public Options withHashes(HashCache cache) {
            return new Options(
                    threads, writer, outputDType, allowNonFinite, components, cache, progress);
        }

        public Options withProgress(SoupProgress listener) {
            return new Options(
                    threads, writer, outputDType, allowNonFinite, components, hashes, listener);
        }
    }

    private final Options options;
    private final AverageKernel.Factory kernels;
    private final long bufferBytes;

    private Souper(Options options, AverageKernel.Factory kernels, long bufferBytes) {
        this.options = options;
        this.kernels = kernels;
        this.bufferBytes = bufferBytes;
    }

    /** A souper with {@link Options#DEFAULT}. */
    public static Souper create() {
        return with(Options.DEFAULT);
    }

    /** A souper with these options. */
    public static Souper with(Options options) {
        return new Souper(options, FastKernel::new, Averager.BUFFER_BYTES);
    }

    /** The same with another number of worker threads, at least 1; the output is the same. */
    public Souper threads(int count) {
        return new Souper(options.withThreads(count), kernels, bufferBytes);
    }

    /** The same, but an existing output is replaced once the new one is complete. */
    public Souper replaceExisting(boolean allowed) {
        return new Souper(
                options.withWriter(new CheckpointWriter(allowed, options.writer().shardBytes())),
                kernels,
                bufferBytes);
    }

    /** The same, reporting its progress. */
    public Souper progress(SoupProgress listener) {
        return new Souper(options.withProgress(listener), kernels, bufferBytes);
    }

    Souper bufferBytes(long bytes) {
        return new Souper(options, kernels, bytes);
    }

    Souper kernels(AverageKernel.Factory factory) {
        return new Souper(options, factory, bufferBytes);
    }

    /**
     * Averages the ingredients into a new file or folder, which appears whole or not at all.
     *
     * @param ingredients at least one; all single models, or all diffusers folders
     * @param output the file or folder to make; must not be one of the ingredients
     * @return what was made
     * @throws IncompatibleIngredientsException if they differ in components, configuration, tensor
     *     names, shapes or dtypes
     * @throws MalformedCheckpointException if an ingredient breaks its format
     * @throws SoupException if an ingredient holds NaN or infinities, if integer tensors differ, if
     *     the output exists, or if reading or writing fails
     */
    public Soup make(List<SoupIngredient> ingredients, Path output) {
        Coefficient.integers(ingredients.stream().map(SoupIngredient::coefficient).toList());
        checkOutput(ingredients, output);
        List<Ingredient> opened = new ArrayList<>();
        try {
            for (SoupIngredient i : ingredients) {
                opened.add(Ingredient.of(i, Checkpoint.open(i.path())));
            }
            return makeFrom(opened, output);
        } finally {
            opened.forEach(i -> i.checkpoint().close());
        }
    }

    private Soup makeFrom(List<Ingredient> opened, Path output) {
        Ingredient first = opened.getFirst();
        for (Ingredient i : opened) {
            if (i.checkpoint().folder().isPresent() != first.checkpoint().folder().isPresent()) {
                throw new SoupException(
                        "Cannot average "
                                + first.what().path()
                                + " with "
                                + i.what().path()
                                + ": ingredients must be all files or all diffusers folders.");
            }
        }
        for (Ingredient i : opened) {
            List<String> differences = first.differences(i);
            if (!differences.isEmpty()) {
                throw new IncompatibleIngredientsException(
                        first.what().path(), i.what().path(), differences);
            }
        }
        for (String c : options.components()) {
            first.part(c);
        }
        ExecutorService workers =
                Executors.newFixedThreadPool(
                        options.threads(), Thread.ofPlatform().daemon().name("soup-", 0).factory());
        try {
            return new Run(hashed(opened, workers), workers).make(output);
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
        if (!options.writer().replace() && Files.exists(output)) {
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
            for (TensorSource part : i.checkpoint().parts().values()) {
                for (Path f : part.files()) {
                    sizes.put(f, f.toFile().length());
                    jobs.computeIfAbsent(
                            f, file -> workers.submit(() -> options.hashes().sha256(file)));
                }
            }
        }
        long total = sizes.values().stream().mapToLong(Long::longValue).sum();
        long done = 0;
        Map<Path, String> hashes = new HashMap<>();
        for (var job : jobs.entrySet()) {
            hashes.put(job.getKey(), get(job.getValue()));
            done += sizes.getOrDefault(job.getKey(), 0L);
            options.progress().update("hashing", done, total);
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
        private long totalBytes;
        private long doneBytes;
        private long tensors;
        private long parameters;

        Run(List<Ingredient> ingredients, ExecutorService workers) {
            this.ingredients = ingredients;
            this.workers = workers;
            this.a =
                    Coefficient.integers(
                            ingredients.stream().map(i -> i.what().coefficient()).toList());
            TreeMap<String, String> extra = new TreeMap<>();
            options.outputDType().ifPresent(d -> extra.put("dtype", d.safetensorsName()));
            if (options.allowNonFinite()) {
                extra.put("allow_non_finite", "true");
            }
            if (!options.components().isEmpty()) {
                extra.put("components", String.join(",", options.components()));
            }
            this.recipe = new Recipe(ingredients.getFirst().checkpoint(), ingredients, a, extra);
        }

        Soup make(Path output) {
            Checkpoint like = ingredients.getFirst().checkpoint();
            Map<String, CheckpointWriter.Part> parts = new LinkedHashMap<>();
            try (Averager averager =
                    new Averager(
                            a,
                            options.allowNonFinite(),
                            kernels,
                            workers,
                            options.threads() + 1,
                            bufferBytes,
                            n -> {
                                doneBytes += n;
                                options.progress().update("averaging", doneBytes, totalBytes);
                            })) {
                for (String part : like.parts().keySet()) {
                    if (options.components().isEmpty() || options.components().contains(part)) {
                        parts.put(part, part(part, averager));
                    }
                }
                options.writer().write(like, parts, output);
            }
            return new Soup(
                    output, recipe.normalised(), parts.size(), tensors, parameters, doneBytes);
        }

        private CheckpointWriter.Part part(String name, Averager averager) {
            List<TensorSource> sources = ingredients.stream().map(i -> i.part(name)).toList();
            List<Integer> everyone = IntStream.range(0, sources.size()).boxed().toList();
            List<TensorPlace> plan = new ArrayList<>();
            for (TensorInfo t : sources.getFirst().tensors().values()) {
                DType dtype =
                        t.dtype().isFloat() ? options.outputDType().orElse(t.dtype()) : t.dtype();
                plan.add(new TensorPlace(t.name(), dtype, t.shape(), everyone));
            }
            List<TensorEntry> entries = averager.entries(sources, plan);
            tensors += entries.size();
            for (TensorEntry t : entries) {
                totalBytes += t.byteSize();
                parameters += t.dtype().isFloat() ? t.byteSize() / t.dtype().bytes() : 0;
            }
            return new CheckpointWriter.Part(recipe.metadata(name), entries);
        }
    }
}
