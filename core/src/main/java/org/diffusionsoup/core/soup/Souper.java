package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ExtraComponents;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

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
     * @param policy what to do with ingredients that are not alike; with any but {@link
     *     MismatchPolicy#REFUSE} the first ingredient is the one the others are compared with
     * @param keepSum whether the exact sum is kept in {@code OUTPUT.sum}, for {@link SoupAdjuster}
     * @param hashes remembers the SHA-256 of ingredients
     * @param progress told how far a soup is
     * @param variant of diffusers folders' weights, such as {@code fp16}; empty for those without
     *     such a word in their names
     */
    public record Options(
            int threads,
            CheckpointWriter writer,
            Optional<DType> outputDType,
            boolean allowNonFinite,
            SortedSet<String> components,
            MismatchPolicy policy,
            boolean keepSum,
            HashCache hashes,
            SoupProgress progress,
            String variant) {
        /** One thread per processor; an existing output is refused, as are NaN and infinities. */
        public static final Options DEFAULT =
                new Options(
                        Runtime.getRuntime().availableProcessors(),
                        CheckpointWriter.DEFAULT,
                        Optional.empty(),
                        false,
                        new TreeSet<>(),
                        MismatchPolicy.REFUSE,
                        false,
                        HashCache.none(),
                        SoupProgress.NONE,
                        "");

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
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withWriter(CheckpointWriter w) {
            return new Options(
                    threads,
                    w,
                    outputDType,
                    allowNonFinite,
                    components,
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withOutputDType(Optional<DType> dtype) {
            return new Options(
                    threads,
                    writer,
                    dtype,
                    allowNonFinite,
                    components,
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withAllowNonFinite(boolean allowed) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowed,
                    components,
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withComponents(Collection<String> names) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    new TreeSet<>(names),
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withPolicy(MismatchPolicy p) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    p,
                    keepSum,
                    hashes,
                    progress,
                    variant);
        }

        public Options withKeepSum(boolean keep) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    policy,
                    keep,
                    hashes,
                    progress,
                    variant);
        }

        public Options withHashes(HashCache cache) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    policy,
                    keepSum,
                    cache,
                    progress,
                    variant);
        }

        public Options withProgress(SoupProgress listener) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    policy,
                    keepSum,
                    hashes,
                    listener,
                    variant);
        }

        public Options withVariant(String word) {
            return new Options(
                    threads,
                    writer,
                    outputDType,
                    allowNonFinite,
                    components,
                    policy,
                    keepSum,
                    hashes,
                    progress,
                    word);
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
        return new Souper(options, AverageKernel::fast, Averager.BUFFER_BYTES);
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
     * @param ingredients at least one; all single models, or all diffusers folders; the first is
     *     the one the others are compared with
     * @param output the file or folder to make; must not be one of the ingredients
     * @return what was made
     * @throws IncompatibleIngredientsException if they differ in components, configuration, tensor
     *     names, shapes or dtypes
     * @throws MalformedCheckpointException if an ingredient breaks its format
     * @throws SoupException if an ingredient holds NaN or infinities, if integer tensors differ, if
     *     the output exists, or if reading or writing fails
     */
    public Soup make(List<SoupIngredient> ingredients, Path output) {
        return make(ingredients, output, new TreeMap<>());
    }

    /**
     * The same, with notes in the headers of the files made.
     *
     * @param notes such as the search that chose the coefficients, by {@link Provenance} key
     */
    public Soup make(
            List<SoupIngredient> ingredients, Path output, SortedMap<String, String> notes) {
        long[] a =
                Coefficient.integers(
                        ingredients.stream().map(SoupIngredient::coefficient).toList());
        checkOutput(ingredients, output);
        List<Ingredient> opened = new ArrayList<>();
        Runnable warm = () -> {};
        try {
            for (SoupIngredient i : ingredients) {
                opened.add(Ingredient.of(i, Checkpoint.openWhole(i.path(), options.variant())));
                if (opened.size() == 1) {
                    List<Long> all = Arrays.stream(a).boxed().toList();
                    warm = WarmUp.start(opened.getFirst().checkpoint(), kernels, all, options);
                }
            }
            return makeFrom(opened, output, notes, warm);
        } finally {
            warm.run();
            opened.forEach(i -> i.checkpoint().close());
        }
    }

    /**
     * @param warm what the workers call before the first piece
     */
    private Soup makeFrom(
            List<Ingredient> opened, Path output, SortedMap<String, String> notes, Runnable warm) {
        if (opened.size() > 1 || options.outputDType().isPresent()) {
            SpecialWeights.refuse(opened.getFirst().checkpoint(), "averaged");
        }
        Mismatches found = compared(opened);
        if (!found.isEmpty()) {
            opened.forEach(i -> SpecialWeights.refuse(i.checkpoint(), "averaged"));
            List<Ingredient> renamed = Ingredient.agreeing(opened);
            if (!renamed.equals(opened)) {
                opened = renamed;
                found = compared(opened);
            }
        }
        Ingredient first = opened.getFirst();
        List<TensorPlan> plan =
                options.policy().integers() == OnInteger.FROM_FIRST
                        ? IntegerBuffers.ofFirst(found.plan(), opened)
                        : found.plan();
        for (String c : options.components()) {
            if (plan.stream().noneMatch(t -> t.part().equals(c))) {
                first.part(c);
            }
        }
        ExecutorService workers = Workers.start(options.threads());
        try {
            LateHashes late = LateHashes.of(opened, plan, options);
            List<Ingredient> hashed = hashed(opened, workers, options, late.placeholders());
            return new Run(hashed, plan, workers, notes, found).make(output, warm, late);
        } finally {
            workers.shutdownNow();
        }
    }

    private Mismatches compared(List<Ingredient> opened) {
        List<Checkpoint> others =
                opened.subList(1, opened.size()).stream().map(Ingredient::checkpoint).toList();
        return Mismatches.between(opened.getFirst().checkpoint(), others, options.policy());
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
        ModelOutput.MODEL.check(output, options.writer().replace());
        if (options.keepSum()) {
            KeptSum.KIND.checkReplaceable(KeptSum.folderOf(output));
        }
    }

    /** Hashes every file, several at once. */
    static List<Ingredient> hashed(
            List<Ingredient> opened, ExecutorService workers, Options options) {
        return hashed(opened, workers, options, Map.of());
    }

    /**
     * @param given those that need not be taken now
     */
    private static List<Ingredient> hashed(
            List<Ingredient> opened,
            ExecutorService workers,
            Options options,
            Map<Path, String> given) {
        Map<Path, Future<String>> jobs = new HashMap<>();
        Map<Path, Long> sizes = new HashMap<>();
        for (Ingredient i : opened) {
            for (TensorSource part : i.checkpoint().parts().values()) {
                for (Path f : part.files()) {
                    if (given.containsKey(f)) {
                        continue;
                    }
                    sizes.put(f, f.toFile().length());
                    jobs.computeIfAbsent(
                            f, file -> workers.submit(() -> options.hashes().sha256(file)));
                }
            }
        }
        long total = sizes.values().stream().mapToLong(Long::longValue).sum();
        long done = 0;
        Map<Path, String> hashes = new HashMap<>(given);
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
        private final List<Ingredient> given;
        private final List<TensorPlan> wanted;
        private final List<Ingredient> ingredients;
        private final ExecutorService workers;
        private final SortedMap<String, String> notes;
        private final Mismatches found;
        private final CopiedTensors copied;
        private final List<Long> a;
        private final Recipe recipe;
        private final OutputLayout layout;
        private final SequencedMap<String, List<TensorPlace>> plan;
        private long totalBytes;
        private long doneBytes;
        private long tensors;
        private long parameters;

        /** Puts the ingredients into an order of their own: the caller's must show nowhere. */
        Run(
                List<Ingredient> given,
                List<TensorPlan> wanted,
                ExecutorService workers,
                SortedMap<String, String> notes,
                Mismatches found) {
            this.notes = notes;
            this.found = found;
            this.workers = workers;
            this.given = List.copyOf(given);
            this.wanted = wanted;
            long[] integers =
                    Coefficient.integers(given.stream().map(i -> i.what().coefficient()).toList());
            List<Member> members = new ArrayList<>();
            Map<Member, Ingredient> byMember = new IdentityHashMap<>();
            for (int i = 0; i < integers.length; i++) {
                BigInteger own = BigInteger.valueOf(integers[i]);
                Member m = Member.of(given.get(i), own, given.get(i).what().coefficient());
                members.add(m);
                byMember.put(m, given.get(i));
            }
            members.sort(Member.ORDER);
            this.ingredients = members.stream().map(byMember::get).toList();
            this.a = members.stream().map(m -> m.a().longValueExact()).toList();
            boolean alike = options.policy().refusesAll();
            this.plan = places(wanted, given);
            ExtraComponents more = extraComponents(given);
            this.layout = layout((alike ? ingredients : given).getFirst().checkpoint(), more);
            TreeMap<String, String> extra = new TreeMap<>();
            options.outputDType().ifPresent(d -> extra.put("dtype", d.safetensorsName()));
            if (options.allowNonFinite()) {
                extra.put("allow_non_finite", "true");
            }
            if (!options.components().isEmpty()) {
                extra.put("components", String.join(",", options.components()));
            }
            if (!options.variant().isEmpty()) {
                extra.put("variant", options.variant());
            }
            if (!alike) {
                options.policy().describe(extra);
                extra.put("first_name", given.getFirst().what().name());
                if (given.size() > 2 && (more.dependOnOrder() || isKeptInKinds(wanted, given))) {
                    extra.put("given_order", orderOf(given));
                }
            }
            this.copied =
                    found.isEmpty() && options.policy().integers() == OnInteger.REFUSE
                            ? CopiedTensors.NONE
                            : CopiedTensors.of(
                                    wanted.stream().filter(t -> isWanted(t.part())).toList(),
                                    given.stream().map(i -> i.what().name()).toList(),
                                    options.components().isEmpty());
            this.recipe =
                    Recipe.average(
                            layout,
                            members,
                            extra,
                            copied.byPart(),
                            found.objective(given.getFirst().checkpoint()));
        }

        /** Like a checkpoint, but for the components of which nothing is left. */
        private OutputLayout layout(Checkpoint like, ExtraComponents more) {
            if (plan.isEmpty() && !options.policy().refusesAll()) {
                throw new SoupException(
                        "Nothing is left to average: the ingredients have no tensor in common"
                                + " that the policies for those that differ do not drop.");
            }
            TreeSet<String> dropped = new TreeSet<>();
            if (like.folder().isPresent() && options.policy().missing() == OnMissing.DROP) {
                like.parts()
                        .forEach((part, source) -> {
                            if (isWanted(part)
                                    && !plan.containsKey(part)
                                    && !source.tensors().isEmpty()) {
                                dropped.add(part);
                            }
                        });
            }
            SortedMap<String, Path> others =
                    options.policy().files() == OnFiles.REFUSE
                            ? found.leastTexts()
                            : new TreeMap<>();
            others.keySet().removeIf(f -> dropped.contains(DiffusersFolder.componentOf(f)));
            return new OutputLayout(like, dropped, more.suppliers(), others);
        }

        private ExtraComponents extraComponents(List<Ingredient> given) {
            return options.policy().extra() == OnExtra.KEEP
                    ? ExtraComponents.of(
                            given.stream().map(i -> i.checkpoint().folder()).toList(),
                            plan::containsKey)
                    : ExtraComponents.none();
        }

        /** Whether a tensor that the first lacks has several shapes or dtypes among the others. */
        private boolean isKeptInKinds(List<TensorPlan> wanted, List<Ingredient> given) {
            return wanted.stream()
                    .filter(t -> isWanted(t.part()) && t.inputs()[0] > 0)
                    .anyMatch(t -> {
                        List<TensorInfo> of =
                                given.stream()
                                        .map(i -> i.checkpoint().parts().get(t.part()))
                                        .filter(Objects::nonNull)
                                        .flatMap(s -> Stream.ofNullable(s.tensors().get(t.name())))
                                        .toList();
                        return of.stream().anyMatch(x -> !x.sameKind(of.getFirst()));
                    });
        }

        /** The ingredients' places in the recipe, from 1, in the order they were given. */
        private String orderOf(List<Ingredient> given) {
            return given.stream()
                    .map(i -> String.valueOf(ingredients.indexOf(i) + 1))
                    .collect(Collectors.joining(","));
        }

        /** Whether a component is averaged; the others are copied. */
        private boolean isWanted(String part) {
            return options.components().isEmpty() || options.components().contains(part);
        }

        /** The plan by part, its inputs counted in the order of {@link #ingredients}. */
        private SequencedMap<String, List<TensorPlace>> places(
                List<TensorPlan> wanted, List<Ingredient> given) {
            Map<Ingredient, Integer> position = new IdentityHashMap<>();
            for (int i = 0; i < ingredients.size(); i++) {
                position.put(ingredients.get(i), i);
            }
            SequencedMap<String, List<TensorPlace>> places = new LinkedHashMap<>();
            int[] before = {};
            List<Integer> inputs = List.of();
            for (TensorPlan t : wanted) {
                if (!isWanted(t.part())) {
                    continue;
                }
                boolean mean = t.mode() == TensorPlan.Mode.AVERAGE;
                DType dtype =
                        t.dtype().isFloat() ? options.outputDType().orElse(t.dtype()) : t.dtype();
                // A single floating-point tensor is a mean of one: its dtype may change.
                boolean computed = mean || t.dtype().isFloat();
                int[] from = computed && !mean ? Arrays.copyOf(t.inputs(), 1) : t.inputs();
                if (!Arrays.equals(from, before)) { // nearly all tensors are alike in this
                    before = from;
                    inputs =
                            Arrays.stream(from)
                                    .mapToObj(i -> position.getOrDefault(given.get(i), -1))
                                    .sorted()
                                    .toList();
                }
                places.computeIfAbsent(t.part(), p -> new ArrayList<>())
                        .add(new TensorPlace(t.name(), dtype, t.shape(), inputs, computed));
            }
            return places;
        }

        /**
         * @param whenReady called when averaging begins
         * @param late hashes that are taken meanwhile
         */
        Soup make(Path output, Runnable whenReady, LateHashes late) {
            Map<String, StateDict> written = new LinkedHashMap<>();
            Averager.Mean mean = new Averager.Mean(a, options.allowNonFinite(), kernels, whenReady);
            Run[] named = {this};
            try (Averager averager = averager(mean, "averaging", late.digests())) {
                for (String part : plan.keySet()) {
                    StateDict p = part(part, averager);
                    written.put(
                            part,
                            late.isEmpty()
                                    ? p
                                    : new StateDict(
                                            p.metadata(),
                                            p.tensors(),
                                            Optional.of(() -> {
                                                named[0] = named(late.taken());
                                                return named[0].metadata(part);
                                            })));
                }
                options.writer().write(layout, written, output);
            }
            return named[0].made(output, doneBytes, tensors, parameters);
        }

        /** The same with hashes that were not known: ingredients may be in another order. */
        private Run named(Map<Path, String> hashes) {
            Map<Path, String> all = new HashMap<>(hashes);
            given.forEach(i -> all.putIfAbsent(i.part("").path(), hashOf(i)));
            List<Ingredient> known = given.stream().map(i -> i.withHashes(all)).toList();
            return new Run(known, wanted, workers, notes, found);
        }

        private static String hashOf(Ingredient i) {
            return i.hashes().getOrDefault("", "");
        }

        private Soup made(Path output, long bytes, long tensorCount, long parameterCount) {
            String note =
                    Stream.concat(
                                    ingredients.stream().flatMap(i -> i.checkpoint().notes()),
                                    Stream.of(
                                            layout.note(),
                                            found.note(),
                                            options.keepSum() ? keepSum(output) : ""))
                            .filter(n -> !n.isEmpty())
                            .collect(Collectors.joining(" "));
            List<SoupIngredient> normalised = new ArrayList<>();
            for (int i = 0; i < ingredients.size(); i++) {
                SoupIngredient w = ingredients.get(i).what();
                normalised.add(new SoupIngredient(w.name(), w.path(), recipe.coefficient(i)));
            }
            // as they were given: the order of the sum is nobody's business
            List<SoupIngredient> listed =
                    given.stream().map(i -> normalised.get(ingredients.indexOf(i))).toList();
            return new Soup(
                    output,
                    listed,
                    plan.size(),
                    tensorCount,
                    parameterCount,
                    bytes,
                    note,
                    copied.sentence());
        }

        private Averager averager(
                Averager.Task task, String what, Map<TensorSource, TurnDigest> digests) {
            return new Averager(
                    task,
                    workers,
                    options.threads(),
                    bufferBytes,
                    n -> {
                        doneBytes += n;
                        options.progress().update(what, doneBytes, totalBytes);
                    },
                    digests);
        }

        private List<TensorSource> sources(String part) {
            return ingredients.stream()
                    .map(i -> i.checkpoint().parts().getOrDefault(part, NoTensors.of(i)))
                    .toList();
        }

        private StateDict part(String name, Averager averager) {
            List<TensorSource> sources = sources(name);
            List<TensorEntry> entries =
                    averager.entries(sources, plan.getOrDefault(name, List.of()));
            tensors += entries.size();
            for (TensorEntry t : entries) {
                totalBytes += t.byteSize();
                parameters += t.dtype().isFloat() ? t.byteSize() / t.dtype().bytes() : 0;
            }
            return new StateDict(metadata(name), entries);
        }

        private Map<String, String> metadata(String part) {
            Map<String, String> metadata = recipe.metadata(part);
            for (var note : notes.entrySet()) {
                metadata = Provenance.noted(metadata, note.getKey(), note.getValue());
            }
            return metadata;
        }

        /** Reads all ingredients once more; what it says is empty, or why no sum was kept. */
        private String keepSum(Path output) {
            if (!options.policy().refusesAll()) {
                return "No sum was kept: the ingredients are not required to be alike.";
            }
            Path folder = KeptSum.folderOf(output);
            BigInteger scale = KeptSum.scale(recipe.members());
            List<Member> members =
                    recipe.members().stream().map(m -> m.withA(m.a().multiply(scale))).toList();
            List<Long> weights = members.stream().map(m -> m.a().longValueExact()).toList();
            TreeMap<String, String> checksums = new TreeMap<>();
            try {
                AtomicFiles.replaceFolder(
                        folder,
                        KeptSum.KIND,
                        to -> {
                            for (String part : plan.keySet()) {
                                doneBytes = 0;
                                totalBytes = 0;
                                sum(part, weights, to).finish(to, checksums);
                            }
                            new KeptSum(to, members, recipe.options(), checksums).writeIndex(to);
                        });
                return "";
            } catch (SumExceptions.TooMany e) {
                return String.valueOf(e.getMessage());
            }
        }

        private NewSum sum(String part, List<Long> weights, Path to) {
            List<TensorSource> sources = sources(part);
            NewSum made = NewSum.of(part);
            List<TensorPlace> sums = new ArrayList<>();
            for (TensorPlace t : plan.getOrDefault(part, List.of())) {
                if (t.inputs().size() < sources.size()) {
                    throw new SumExceptions.TooMany(
                            "No sum was kept: not every ingredient has tensor '"
                                    + t.name()
                                    + "'; withdrawing means averaging again.");
                }
                if (t.computed()) {
                    List<DType> dtypes = new ArrayList<>();
                    sources.forEach(s -> dtypes.add(s.tensor(t.name()).dtype()));
                    if (TensorNames.isMask(t.name())) {
                        throw new SumExceptions.TooMany(
                                "No sum was kept: tensor '"
                                        + t.name()
                                        + "' is a mask; withdrawing means averaging again.");
                    }
                    if (dtypes.contains(DType.F64)) {
                        throw new SumExceptions.TooMany(
                                "No sum was kept: tensor '"
                                        + t.name()
                                        + "' is F64; withdrawing means averaging again.");
                    }
                    DType stored = SumTask.dtype(dtypes);
                    sums.add(new TensorPlace(t.name(), stored, t.shape(), t.inputs(), true));
                }
            }
            try (Averager averager =
                    averager(new SumTask(weights, made), KeptSum.progressOf(part), Map.of())) {
                List<TensorEntry> entries = averager.entries(sources, sums);
                doneBytes = 0;
                totalBytes = entries.stream().mapToLong(TensorEntry::byteSize).sum();
                SafetensorsWriter.write(to.resolve(KeptSum.sums(part)), Map.of(), entries);
            }
            return made;
        }
    }
}
