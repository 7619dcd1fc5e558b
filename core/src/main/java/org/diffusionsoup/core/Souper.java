package org.diffusionsoup.core;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
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
import org.diffusionsoup.core.KeptSum.Member;

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
     * @param keepSum whether the exact sum is kept in {@code OUTPUT.sum}, for {@link SoupAdjuster}
     * @param hashes remembers the SHA-256 of ingredients
     * @param progress told how far a soup is
     */
    public record Options(
            int threads,
            CheckpointWriter writer,
            Optional<DType> outputDType,
            boolean allowNonFinite,
            SortedSet<String> components,
            boolean keepSum,
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
                        false,
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
                    count,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    keepSum,
                    hashes,
                    progress);
        }

        public Options withWriter(CheckpointWriter w) {
            return new Options(
                    threads, w, outputDType, allowNonFinite, components, keepSum, hashes, progress);
        }

        public Options withOutputDType(Optional<DType> dtype) {
            return new Options(
                    threads, writer, dtype, allowNonFinite, components, keepSum, hashes, progress);
        }

        public Options withAllowNonFinite(boolean allowed) {
            return new Options(
                    threads, writer, outputDType, allowed, components, keepSum, hashes, progress);
        }

        public Options withComponents(Collection<String> names) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    new TreeSet<>(names),
                    keepSum,
                    hashes,
                    progress);
        }

        public Options withKeepSum(boolean keep) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    keep,
                    hashes,
                    progress);
        }

        public Options withHashes(HashCache cache) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    keepSum,
                    cache,
                    progress);
        }

        public Options withProgress(SoupProgress listener) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    keepSum,
                    hashes,
                    listener);
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
            return new Run(hashed(opened, workers, options), workers).make(output);
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

    /** Hashes every file, several at once. */
    static List<Ingredient> hashed(
            List<Ingredient> opened, ExecutorService workers, Options options) {
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
        return opened.stream().map(i -> i.withHashes(hashes)).toList();
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
        private final List<Long> a;
        private final Recipe recipe;
        private final Checkpoint like;
        private final List<String> parts;
        private long totalBytes;
        private long doneBytes;
        private long tensors;
        private long parameters;

        /** Puts the ingredients into an order of their own: the caller's must show nowhere. */
        Run(List<Ingredient> given, ExecutorService workers) {
            this.workers = workers;
            long[] integers =
                    Coefficient.integers(given.stream().map(i -> i.what().coefficient()).toList());
            List<Member> members = new ArrayList<>();
            Map<Member, Ingredient> byMember = new IdentityHashMap<>();
            for (int i = 0; i < integers.length; i++) {
                Member m = Member.of(given.get(i), BigInteger.valueOf(integers[i]));
                members.add(m);
                byMember.put(m, given.get(i));
            }
            members.sort(Member.ORDER);
            this.ingredients = members.stream().map(byMember::get).toList();
            this.a = members.stream().map(m -> m.a().longValueExact()).toList();
            this.like = ingredients.getFirst().checkpoint();
            TreeMap<String, String> extra = new TreeMap<>();
            options.outputDType().ifPresent(d -> extra.put("dtype", d.safetensorsName()));
            if (options.allowNonFinite()) {
                extra.put("allow_non_finite", "true");
            }
            if (!options.components().isEmpty()) {
                extra.put("components", String.join(",", options.components()));
            }
            this.recipe = Recipe.average(like, members, extra);
            this.parts =
                    like.parts().keySet().stream()
                            .filter(p ->
                                    options.components().isEmpty()
                                            || options.components().contains(p))
                            .toList();
        }

        Soup make(Path output) {
            Map<String, CheckpointWriter.Part> written = new LinkedHashMap<>();
            Averager.Mean mean = new Averager.Mean(a, options.allowNonFinite(), kernels);
            try (Averager averager = averager(mean, "averaging")) {
                for (String part : parts) {
                    written.put(part, part(part, averager));
                }
                options.writer().write(like, written, output);
            }
            long bytes = doneBytes;
            String note = options.keepSum() ? keepSum(output) : "";
            List<SoupIngredient> normalised = new ArrayList<>();
            for (int i = 0; i < ingredients.size(); i++) {
                SoupIngredient w = ingredients.get(i).what();
                normalised.add(new SoupIngredient(w.name(), w.path(), recipe.coefficient(i)));
            }
            return new Soup(output, normalised, parts.size(), tensors, parameters, bytes, note);
        }

        private Averager averager(Averager.Task task, String what) {
            return new Averager(
                    task,
                    workers,
                    options.threads() + 1,
                    bufferBytes,
                    n -> {
                        doneBytes += n;
                        options.progress().update(what, doneBytes, totalBytes);
                    });
        }

        private List<TensorSource> sources(String part) {
            return ingredients.stream().map(i -> i.part(part)).toList();
        }

        private CheckpointWriter.Part part(String name, Averager averager) {
            List<TensorSource> sources = sources(name);
            List<Integer> everyone = IntStream.range(0, sources.size()).boxed().toList();
            List<TensorPlace> plan = new ArrayList<>();
            for (TensorInfo t : sources.getFirst().tensors().values()) {
                boolean isFloat = t.dtype().isFloat();
                DType dtype = isFloat ? options.outputDType().orElse(t.dtype()) : t.dtype();
                plan.add(new TensorPlace(t.name(), dtype, t.shape(), everyone, isFloat));
            }
            List<TensorEntry> entries = averager.entries(sources, plan);
            tensors += entries.size();
            for (TensorEntry t : entries) {
                totalBytes += t.byteSize();
                parameters += t.dtype().isFloat() ? t.byteSize() / t.dtype().bytes() : 0;
            }
            return new CheckpointWriter.Part(recipe.metadata(name), entries);
        }

        /** Reads all ingredients once more; what it says is empty, or why no sum was kept. */
        private String keepSum(Path output) {
            Path folder = KeptSum.folderOf(output);
            List<Member> members = recipe.members();
            try {
                AtomicFiles.replaceFolder(
                        folder,
                        to -> {
                            for (String part : parts) {
                                doneBytes = 0;
                                totalBytes = 0;
                                sum(part, to);
                            }
                            new KeptSum(to, members, recipe.options()).writeIndex(to);
                        });
                return "";
            } catch (SumExceptions.TooMany e) {
                return String.valueOf(e.getMessage());
            }
        }

        private void sum(String part, Path to) {
            List<TensorSource> sources = sources(part);
            List<Integer> everyone = IntStream.range(0, sources.size()).boxed().toList();
            SumExceptions exceptions = new SumExceptions(part);
            List<TensorPlace> plan = new ArrayList<>();
            for (TensorInfo t : sources.getFirst().tensors().values()) {
                if (t.dtype().isFloat()) {
                    List<DType> dtypes = new ArrayList<>();
                    sources.forEach(s -> dtypes.add(s.tensor(t.name()).dtype()));
                    if (dtypes.contains(DType.F64)) {
                        throw new SumExceptions.TooMany(
                                "No sum was kept: tensor '"
                                        + t.name()
                                        + "' is F64; withdrawing means averaging again.");
                    }
                    plan.add(
                            new TensorPlace(
                                    t.name(), SumTask.dtype(dtypes), t.shape(), everyone, true));
                }
            }
            try (Averager averager = averager(new SumTask(a, exceptions), "keeping the sum")) {
                List<TensorEntry> entries = averager.entries(sources, plan);
                totalBytes = entries.stream().mapToLong(TensorEntry::byteSize).sum();
                SafetensorsWriter.write(to.resolve(KeptSum.sums(part)), Map.of(), entries);
            }
            exceptions.write(to.resolve(KeptSum.exceptions(part)));
        }
    }
}
