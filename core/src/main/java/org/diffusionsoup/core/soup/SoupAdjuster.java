package org.diffusionsoup.core.soup;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.OutputLayout;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.safetensors.CheckedSource;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Takes ingredients into a soup, or out of it, without the others: continual learning and
 * unlearning (paper, Sections 5.3 and 6.2).
 *
 * <p>From the sum kept beside the soup ({@link SoupOptions#keepSum}) the result is exact: its
 * weight files are those that averaging the remaining ingredients afresh would give, byte for byte.
 * From a published soup alone, the paper's formula (w_soup - k_i w_i) / (1 - k_i) is computed
 * exactly and rounded once; but the soup itself was rounded, so a residue of the ingredient stays.
 * Such an output says so in its recipe.
 */
public final class SoupAdjuster {
    /**
     * A soup to be changed.
     *
     * @param soup made by {@link Souper}
     * @param remove ingredients that are in it
     * @param add ingredients that are not, with weights that count beside those of {@link #weights}
     * @param output the file or folder to make
     * @param byCaller whether the caller keeps the sum by means of his own: he answers for its
     *     bytes, which are not checked here, and weights to add are the whole coefficients that
     *     {@code sum.json} calls {@code weight}
     */
    public record Request(
            Path soup, List<Path> remove, List<SoupIngredient> add, Path output, boolean byCaller) {
        /** Of a sum that nobody but {@link Souper} and this class kept. */
        public Request(Path soup, List<Path> remove, List<SoupIngredient> add, Path output) {
            this(soup, remove, add, output, false);
        }

        public Request {
            remove = List.copyOf(remove);
            add = List.copyOf(add);
            if (remove.isEmpty() && add.isEmpty()) {
                throw new SoupException("Nothing to take into or out of " + soup + " was named.");
            }
        }
    }

    /** Coefficients, and their sum, stay far within what is exact in a double. */
    private static final int MOST_BITS = 50;

    private final SoupOptions options;

    /** Adjusts with these options; their output dtype and components are those of the soup. */
    public SoupAdjuster(SoupOptions options) {
        this.options = options;
    }

    /**
     * The ingredients in a kept sum by name, with the weights that they were given.
     *
     * @throws SoupException if no sum is kept beside the soup
     */
    public static SortedMap<String, Coefficient> weights(Path soup) {
        return weights(KeptSum.open(soup, Optional.empty()));
    }

    private static SortedMap<String, Coefficient> weights(KeptSum kept) {
        TreeMap<String, Coefficient> weights = new TreeMap<>();
        kept.members().forEach(m -> weights.merge(m.name(), m.given(), Coefficient::plus));
        return weights;
    }

    /**
     * Adjusts from the kept sum. With {@link SoupOptions#keepSum} the new soup gets a kept sum,
     * too.
     *
     * @throws SoupException if no sum is kept, it is not this soup's, an ingredient to remove is
     *     not in it, nothing would be left, or reading or writing fails
     */
    public Soup exactly(Request request) {
        return exactly(request, Exact::make);
    }

    /**
     * The same for a caller who reads and writes by himself. What stands at the request's paths may
     * lack the values of floating-point tensors, which are not read; the hashes of what changes are
     * those that the options' {@link SoupOptions#hashes} give. Nothing is written here.
     *
     * @param taker given what is to be done, before this returns
     * @throws SumStep.NotInOnePass if the checkpoints lie in files in another way than a pass reads
     * @throws SoupException as above, and whatever the taker throws
     */
    public void exactly(Request request, SumStep.Taker taker) {
        exactly(
                request,
                exact -> {
                    try {
                        taker.take(exact.step());
                    } finally {
                        exact.sums.values().forEach(TensorSource::close);
                    }
                    return new Soup(request.output(), List.of(), 0, 0, 0, 0, "", "");
                });
    }

    private Soup exactly(Request request, Function<Exact, Soup> make) {
        KeptSum kept = KeptSum.open(request.soup(), otherwise(request));
        if (!request.byCaller()) {
            kept.checkSmall();
        }
        Coefficient unit = kept.unit();
        return withWorkers(
                request,
                (soup, removed, added, workers) -> {
                    List<Member> members = new ArrayList<>(kept.members());
                    List<Long> signed = new ArrayList<>();
                    for (Ingredient r : removed) {
                        Member found =
                                members.stream()
                                        .filter(m -> m.hashes().equals(r.hashes()))
                                        .findFirst()
                                        .orElseThrow(() -> notIn(r, kept));
                        members.remove(found);
                        signed.add(-found.a().longValueExact());
                    }
                    for (Ingredient in : added) {
                        if (!request.byCaller()) {
                            refuseTwice(in, members, kept);
                        }
                        Coefficient k = in.what().coefficient();
                        Member m =
                                request.byCaller()
                                        ? Member.of(in, k.numerator(), k.dividedBy(unit))
                                        : Member.of(in, inUnits(in, unit, kept), k);
                        members.add(m);
                        signed.add(m.a().longValueExact());
                    }
                    if (members.isEmpty()) {
                        throw new SoupException(
                                "Nothing would be left of "
                                        + request.soup()
                                        + "; remove the soup instead.");
                    }
                    return make.apply(
                            new Exact(
                                    request, soup, kept, members, signed, removed, added, workers));
                });
    }

    /** What the formula can do without a sum. */
    private static Optional<String> otherwise(Request request) {
        return request.remove().size() == 1 && request.add().isEmpty()
                ? Optional.of("use `approximate`")
                : Optional.empty();
    }

    /** What a sum has already would count twice without a word. */
    private static void refuseTwice(Ingredient in, List<Member> members, KeptSum kept) {
        Coefficient sum =
                members.stream()
                        .map(Member::given)
                        .reduce(Coefficient::plus)
                        .orElse(Coefficient.ONE);
        members.stream()
                .filter(m -> m.hashes().equals(in.hashes()))
                .findFirst()
                .ifPresent(m -> {
                    throw new SoupException(
                            "%s is in the sum %s already: it has the weights of '%s', whose weight is %s of %s in all. To give it another, take it out and add it in one command: `remove` %s `add` %s=K."
                                    .formatted(
                                            in.what().path(),
                                            kept.folder(),
                                            m.name(),
                                            m.given(),
                                            sum,
                                            in.what().path(),
                                            in.what().path()));
                });
    }

    /** How many units of the sum an ingredient counts that is added. */
    private static BigInteger inUnits(Ingredient in, Coefficient unit, KeptSum kept) {
        Coefficient k = in.what().coefficient();
        Coefficient units = k.times(unit);
        if (!units.denominator().equals(BigInteger.ONE)) {
            throw new SoupException(
                    "The sum %s keeps weights as multiples of %s beside %s, and %s of %s is none; add it with a multiple, or average again with `keepSum` and these weights."
                            .formatted(
                                    kept.folder(),
                                    Coefficient.ONE.dividedBy(unit),
                                    weights(kept),
                                    k,
                                    in.what().path()));
        }
        if (units.numerator().bitLength() > MOST_BITS) {
            throw new SoupException(
                    "The weight %s of %s is too large beside %s."
                            .formatted(k, in.what().path(), weights(kept)));
        }
        return units.numerator();
    }

    private static SoupException notIn(Ingredient r, KeptSum kept) {
        long held = kept.members().stream().filter(m -> m.hashes().equals(r.hashes())).count();
        if (held > 0) {
            return new SoupException(
                    "%s is to be removed more often than the sum %s has it (%d); name it in `remove` as often as it is in there."
                            .formatted(r.what().path(), kept.folder(), held));
        }
        return new SoupException(
                r.what().path()
                        + " is not in the sum "
                        + kept.folder()
                        + ", whose ingredients are "
                        + kept.members().stream().map(Member::name).toList()
                        + "; ingredients are known by the SHA-256 of their files.");
    }

    /**
     * Removes one ingredient from a soup alone, by the paper's formula.
     *
     * @throws SoupException if the request adds or removes several, or the soup's recipe does not
     *     name the ingredient's SHA-256
     */
    public Soup approximately(Request request) {
        if (request.remove().size() != 1 || !request.add().isEmpty()) {
            throw new SoupException(
                    "The approximate formula removes one ingredient, and adds none.");
        }
        return withWorkers(
                request,
                (soup, removed, added, workers) -> {
                    Ingredient out = removed.getFirst();
                    Map<String, StateDict> parts = new LinkedHashMap<>();
                    List<Averager> open = new ArrayList<>();
                    long[] count = {0, 0, 0};
                    try {
                        for (var p : soup.parts().entrySet()) {
                            Optional<Coefficient> k =
                                    coefficient(
                                            p.getValue(),
                                            out.hashes().getOrDefault(p.getKey(), ""));
                            if (k.isEmpty() && isApproximate(p.getValue())) {
                                throw new SoupException(
                                        p.getValue().path()
                                                + " is approximate itself: an ingredient was removed"
                                                + " from it by the formula, and its recipe no longer"
                                                + " says how much the others count. Average those"
                                                + " that stay with soup merge, or remove all from"
                                                + " the soup it was made of.");
                            }
                            if (k.isEmpty()) {
                                throw new SoupException(
                                        "The recipe of "
                                                + p.getValue().path()
                                                + " does not name "
                                                + out.what().path()
                                                + " (by its SHA-256); only an ingredient can be removed.");
                            }
                            long total = k.get().denominator().longValueExact();
                            long own = k.get().numerator().longValueExact();
                            if (own == total) {
                                throw new SoupException(
                                        "Nothing would be left of " + request.soup() + ".");
                            }
                            Averager averager =
                                    new Averager(
                                            new Formula(total, own),
                                            workers,
                                            options.threads(),
                                            Averager.BUFFER_BYTES / soup.parts().size(),
                                            n -> {
                                                count[2] += n;
                                                options.progress()
                                                        .update("removing", count[2], count[1]);
                                            });
                            open.add(averager);
                            List<TensorSource> sources =
                                    List.of(p.getValue(), out.part(p.getKey()));
                            List<TensorEntry> entries =
                                    averager.entries(
                                            sources, plan(sources, List.of(0), List.of(0, 1)));
                            entries.forEach(t -> count[1] += t.byteSize());
                            count[0] += entries.size();
                            parts.put(
                                    p.getKey(),
                                    new StateDict(
                                            approximateMetadata(
                                                    p.getValue(), p.getKey(), out, k.get()),
                                            entries));
                        }
                        options.writer().write(soup, parts, request.output());
                    } finally {
                        open.forEach(Averager::close);
                    }
                    return new Soup(
                            request.output(),
                            List.of(),
                            parts.size(),
                            count[0],
                            0,
                            count[2],
                            "",
                            "");
                });
    }

    private static Map<String, String> approximateMetadata(
            TensorSource soup, String part, Ingredient out, Coefficient k) {
        String before = recipe(soup).orElse(new SoupRecipe("")).sha256();
        SoupRecipe recipe =
                SoupRecipe.write(
                        SoupRecipe.APPROXIMATE,
                        g -> {
                            g.writeStringField("soup_recipe_sha256", before);
                            g.writeObjectFieldStart("removed");
                            g.writeStringField(
                                    SoupRecipe.SHA256, out.hashes().getOrDefault(part, ""));
                            g.writeStringField(SoupRecipe.COEFFICIENT, k.toString());
                            g.writeEndObject();
                        });
        return Provenance.of(recipe).writeTo(soup.metadata());
    }

    /** The coefficient that a soup's recipe gives an ingredient of this hash. */
    private static Optional<Coefficient> coefficient(TensorSource soup, String sha256) {
        return recipe(soup).stream()
                .flatMap(r -> r.parse(soup.path()).ingredients().stream())
                .filter(i -> i.sha256().orElse("").equals(sha256))
                .flatMap(i -> i.coefficient().stream())
                .findFirst()
                .map(Coefficient::parse);
    }

    private static boolean isApproximate(TensorSource soup) {
        return recipe(soup).filter(r -> r.isOf(SoupRecipe.APPROXIMATE)).isPresent();
    }

    private static Optional<SoupRecipe> recipe(TensorSource soup) {
        return Provenance.readFrom(soup.metadata()).map(Provenance::recipe);
    }

    /** (total w_soup - own w_i) / (total - own). */
    private record Formula(long total, long own) implements Averager.Task {
        @Override
        public int inputs() {
            return 2;
        }

        @Override
        public AverageKernel.Spec spec(TensorPlace tensor, List<DType> dtypes) {
            return new AverageKernel.Spec(
                    dtypes.stream().map(FloatFormat::of).toList(),
                    FloatFormat.of(tensor.dtype()),
                    List.of(total, -own),
                    total - own,
                    false);
        }

        @Override
        public AverageKernel kernel(AverageKernel.Spec spec, String tensor) {
            return AverageKernel.fast(spec);
        }

        @Override
        public boolean sharesKernels() {
            return true;
        }

        @Override
        public String overflowAdvice() {
            return "average those that stay anew with soup merge";
        }
    }

    /** The soup's tensors: integers copied, others computed. */
    private static List<TensorPlace> plan(
            List<TensorSource> sources, List<Integer> copied, List<Integer> computed) {
        List<TensorPlace> plan = new ArrayList<>();
        TensorSource soup = sources.get(copied.getFirst());
        for (TensorInfo t : soup.tensors().values()) {
            boolean isFloat = t.dtype().isFloat();
            for (int i : computed) {
                TensorInfo other = sources.get(i).tensors().get(t.name());
                if (isFloat && (other == null || !Arrays.equals(other.shape(), t.shape()))) {
                    throw new SoupException(
                            "%s does not fit %s: tensor '%s' is %s."
                                    .formatted(
                                            sources.get(i).path(),
                                            soup.path(),
                                            t.name(),
                                            other == null
                                                    ? "missing"
                                                    : Arrays.toString(other.shape())
                                                            + " instead of "
                                                            + Arrays.toString(t.shape())));
                }
            }
            plan.add(
                    new TensorPlace(
                            t.name(), t.dtype(), t.shape(), isFloat ? computed : copied, isFloat));
        }
        return plan;
    }

    private interface Work {
        Soup run(
                Checkpoint soup,
                List<Ingredient> removed,
                List<Ingredient> added,
                ExecutorService workers);
    }

    private Soup withWorkers(Request request, Work work) {
        Path out = request.output().toAbsolutePath().normalize();
        boolean inPlace = out.equals(request.soup().toAbsolutePath().normalize());
        Inputs.keep(
                request.output(),
                Stream.concat(
                                request.remove().stream(),
                                request.add().stream().map(SoupIngredient::path))
                        .toList(),
                "its ingredient");
        ModelOutput.MODEL.check(request.output(), options.writer().replace());
        if (options.keepSum()) {
            KeptSum.KIND.checkReplaceable(KeptSum.folderOf(request.output()));
        }
        if (out.startsWith(request.soup().toAbsolutePath().normalize()) && !inPlace) {
            throw new SoupException(
                    "Cannot write to " + request.output() + ": it lies inside the soup.");
        }
        ExecutorService workers = Workers.start(options.threads());
        List<Ingredient> opened = new ArrayList<>();
        try (Checkpoint soup = Checkpoint.open(request.soup())) {
            for (Path r : request.remove()) {
                opened.add(Ingredient.of(SoupIngredient.of(r), Checkpoint.openWhole(r)));
            }
            for (SoupIngredient a : request.add()) {
                opened.add(Ingredient.of(a, Checkpoint.openWhole(a.path())));
            }
            checkAlike(soup, opened, opened.subList(request.remove().size(), opened.size()));
            List<Ingredient> hashed = named(soup, IngredientHashes.of(opened, workers, options));
            int removed = request.remove().size();
            return work.run(
                    soup,
                    hashed.subList(0, removed),
                    hashed.subList(removed, hashed.size()),
                    workers);
        } finally {
            opened.forEach(i -> i.checkpoint().close());
            workers.shutdownNow();
        }
    }

    /** Refuses what has no mean, and to take in what was trained for something else. */
    private static void checkAlike(Checkpoint soup, List<Ingredient> all, List<Ingredient> added) {
        SpecialWeights.refuse(soup, "averaged");
        all.forEach(i -> SpecialWeights.refuse(i.checkpoint(), "averaged"));
        for (Ingredient i : added) {
            TrainingObjective.difference(soup, i.checkpoint())
                    .ifPresent(d -> {
                        throw new SoupException(
                                "%s predicts %s, which %s does; models of different objectives have no mean."
                                        .formatted(i.what().path(), d, soup.path()));
                    });
        }
    }

    /** Ingredients under the soup's names, as they were averaged under them. */
    private static List<Ingredient> named(Checkpoint soup, List<Ingredient> ingredients) {
        List<Ingredient> named = new ArrayList<>();
        for (Ingredient i : ingredients) {
            Checkpoint c = TensorNames.agreeing(List.of(soup, i.checkpoint())).getLast();
            named.add(new Ingredient(i.what(), c, i.hashes()));
        }
        return named;
    }

    /** One exact adjustment. */
    private final class Exact {
        private final Request request;
        private final Checkpoint soup;
        private final KeptSum kept;
        private final List<Member> members;
        private final List<Long> signed;
        private final List<Ingredient> changes = new ArrayList<>();
        private final ExecutorService workers;
        private final Recipe recipe;
        private final Map<String, SafetensorsFile> sums = new TreeMap<>();
        private final Map<String, CheckedSource> checked = new TreeMap<>();
        private final Map<String, SumExceptions> exceptions = new TreeMap<>();
        private long total;
        private long done;
        private long written;
        private long tensors;

        Exact(
                Request request,
                Checkpoint soup,
                KeptSum kept,
                List<Member> members,
                List<Long> signed,
                List<Ingredient> removed,
                List<Ingredient> added,
                ExecutorService workers) {
            this.request = request;
            this.soup = soup;
            this.kept = kept;
            this.members = members;
            this.signed = signed;
            this.workers = workers;
            changes.addAll(removed);
            changes.addAll(added);
            this.recipe = Recipe.average(OutputLayout.of(soup), members, kept.options());
        }

        Soup make() {
            long after = sum(members);
            List<String> summed = summed();
            List<Averager> open = new ArrayList<>();
            try {
                if (options.keepSum()) {
                    keepSum(summed, () -> write(summed, after, open));
                } else {
                    write(summed, after, open);
                }
            } finally {
                open.forEach(Averager::close);
                sums.values().forEach(TensorSource::close);
            }
            List<SoupIngredient> in = new ArrayList<>();
            for (int i = 0; i < recipe.members().size(); i++) {
                String name = recipe.members().get(i).name();
                in.add(new SoupIngredient(name, Path.of(name), recipe.coefficient(i)));
            }
            return new Soup(request.output(), in, summed.size(), tensors, 0, written, "", "");
        }

        private void write(List<String> summed, long after, List<Averager> open) {
            Map<String, StateDict> parts = new LinkedHashMap<>();
            for (String part : summed) {
                parts.put(part, part(part, after, open));
            }
            total = parts.values().stream().mapToLong(StateDict::bytes).sum();
            done = 0;
            intact(() -> options.writer().write(soup, parts, request.output()));
            written = done;
        }

        /** A damaged sum may look like ingredients that are too large, or hold NaN. */
        private void intact(Runnable work) {
            try {
                work.run();
            } catch (SoupException e) {
                checkSums();
                throw e;
            }
        }

        /** Compares what was read of a part's sum with what was written there. */
        private void checkSum(String part) {
            CheckedSource s = checked.remove(part);
            if (s != null && !request.byCaller()) {
                kept.check(KeptSum.sums(part), s.checksum());
            }
        }

        private void checkSums() {
            if (!request.byCaller()) {
                List.copyOf(checked.keySet()).forEach(this::checkSum);
            }
        }

        /** The parts that the sum has, which is checked to be the soup's. */
        private List<String> summed() {
            Recipe old = Recipe.average(OutputLayout.of(soup), kept.members(), kept.options());
            List<String> parts = new ArrayList<>();
            for (String part : members.getFirst().hashes().keySet()) {
                if (kept.folder().resolve(KeptSum.sums(part)).toFile().exists()) {
                    checkSameSoup(part, old);
                    parts.add(part);
                }
            }
            if (sum(kept.members()) <= 0 || parts.isEmpty()) {
                throw new SoupException("The sum " + kept.folder() + " holds nothing.");
            }
            return parts;
        }

        SumStep step() {
            long after = sum(members);
            List<SumStep.Part> parts = new ArrayList<>();
            for (String part : summed()) {
                List<TensorSource> sources = sources(part);
                NewSum updated = NewSum.of(part);
                parts.add(
                        new SumStep.Part(
                                part,
                                kept.folder().resolve(KeptSum.sums(part)),
                                sources,
                                checkedPlan(sources),
                                recipe.metadata(part),
                                mean(part, after),
                                newSum(part, updated),
                                updated));
            }
            return new SumStep(
                    parts,
                    (to, checksums) ->
                            new KeptSum(to, members, kept.options(), checksums).writeIndex(to));
        }

        private SumTask.Adjust mean(String part, long after) {
            return new SumTask.Adjust(
                    signed, after, members.size(), exceptions(part), Optional.empty());
        }

        private SumTask.Adjust newSum(String part, NewSum updated) {
            return new SumTask.Adjust(
                    signed, 1, members.size(), exceptions(part), Optional.of(updated));
        }

        private List<TensorPlace> checkedPlan(List<TensorSource> sources) {
            List<TensorPlace> plan = plan(sources, List.of(1), computed());
            for (TensorPlace t : plan) {
                checkKept(sources, t);
            }
            return plan;
        }

        private long sum(List<Member> of) {
            return of.stream()
                    .map(Member::a)
                    .reduce(BigInteger.ZERO, BigInteger::add)
                    .longValueExact();
        }

        private void checkSameSoup(String part, Recipe old) {
            if (!SoupAdjuster.recipe(soup.part(part)).equals(Optional.of(old.header(part)))) {
                throw new SoupException(
                        "The sum "
                                + kept.folder()
                                + " is not that of "
                                + soup.part(part).path()
                                + ": their recipes differ; average again with `keepSum`.");
            }
        }

        private List<TensorSource> sources(String part) {
            List<TensorSource> sources = new ArrayList<>();
            CheckedSource sum =
                    new CheckedSource(
                            sums.computeIfAbsent(
                                    part,
                                    p ->
                                            SafetensorsFile.open(
                                                    kept.folder().resolve(KeptSum.sums(p)))));
            checked.put(part, sum);
            sources.add(sum);
            sources.add(soup.part(part));
            changes.forEach(c -> sources.add(c.part(part)));
            return sources;
        }

        private List<Integer> computed() {
            List<Integer> computed = new ArrayList<>(List.of(0));
            for (int i = 0; i < changes.size(); i++) {
                computed.add(i + 2);
            }
            return computed;
        }

        private SumExceptions exceptions(String part) {
            return exceptions.computeIfAbsent(
                    part, p -> SumExceptions.read(kept.folder().resolve(KeptSum.exceptions(p)), p));
        }

        private Averager averager(SumTask.Adjust task, String what) {
            return new Averager(
                    task,
                    workers,
                    options.threads(),
                    Averager.BUFFER_BYTES / soup.parts().size(),
                    n -> {
                        done += n;
                        options.progress().update(what, done, total);
                    });
        }

        private StateDict part(String part, long after, List<Averager> open) {
            List<TensorSource> sources = sources(part);
            List<TensorPlace> plan = checkedPlan(sources);
            Averager averager = averager(mean(part, after), "adjusting");
            open.add(averager);
            List<TensorEntry> entries = averager.entries(sources, plan);
            tensors += entries.size();
            Map<String, String> metadata = recipe.metadata(part);
            return new StateDict(
                    metadata,
                    entries,
                    Optional.of(() -> {
                        checkSum(part); // the file does not appear before
                        return metadata;
                    }));
        }

        /** A sum of F16 holds no F32, and none holds F64. */
        private void checkKept(List<TensorSource> sources, TensorPlace t) {
            if (!t.computed()) {
                return;
            }
            FloatFormat sum = SumTask.format(sources.getFirst().tensor(t.name()).dtype());
            for (int i : t.inputs().subList(1, t.inputs().size())) {
                DType d = sources.get(i).tensor(t.name()).dtype();
                boolean fits =
                        d.isFloat()
                                && d != DType.F64
                                && (sum == FloatFormat.SUM_DOUBLE
                                        || FloatFormat.ofSum(List.of(FloatFormat.of(d))) == sum);
                if (!fits) {
                    throw new SoupException(
                            "Tensor '%s' of %s is %s, which the kept sum cannot hold; average the ingredients again."
                                    .formatted(t.name(), sources.get(i).path(), d));
                }
            }
        }

        /**
         * Writes the new sum beside the soup, and the soup once all of the sum is written: where
         * one cannot be, neither of the old ones is touched. Ended between the two, the new soup
         * stands beside a sum that is not its own, which {@link #checkSameSoup} notices.
         */
        private void keepSum(List<String> parts, Runnable writeSoup) {
            AtomicFiles.replaceFolder(
                    KeptSum.folderOf(request.output()),
                    KeptSum.KIND,
                    to -> {
                        TreeMap<String, String> checksums = new TreeMap<>();
                        intact(() -> {
                            for (String part : parts) {
                                newSum(part, to).finish(to, checksums);
                                checkSum(part);
                            }
                        });
                        new KeptSum(to, members, kept.options(), checksums).writeIndex(to);
                        writeSoup.run();
                    });
        }

        private NewSum newSum(String part, Path to) {
            List<TensorSource> sources = sources(part);
            NewSum updated = NewSum.of(part);
            List<TensorPlace> plan = new ArrayList<>();
            for (TensorInfo t : sources.getFirst().tensors().values()) {
                plan.add(new TensorPlace(t.name(), t.dtype(), t.shape(), computed(), true));
            }
            try (Averager averager = averager(newSum(part, updated), KeptSum.progressOf(part))) {
                List<TensorEntry> entries = averager.entries(sources, plan);
                done = 0;
                total = entries.stream().mapToLong(TensorEntry::byteSize).sum();
                SafetensorsWriter.write(to.resolve(KeptSum.sums(part)), Map.of(), entries);
            }
            return updated;
        }
    }
}
