package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Soups of some ingredients formed in memory, one after another, without a file: what a search for
 * coefficients tries (paper, Section 4.2). Every byte is the one that {@link Souper} would write
 * for the same coefficients.
 *
 * <p>An exact running sum and one ingredient are in memory. A soup that differs from the sum by
 * that ingredient is computed while it is read, so trying one more ingredient costs reading it
 * once, and neither taking nor leaving it costs a further read. Per weight that is 6 bytes for F16
 * (as much as a soup, a candidate and an ingredient), 12 for F32, 10 for BF16, 5 for F8.
 *
 * <p>Not for use by several threads at once; its own threads read and compute together.
 */
public final class RunningSoup implements AutoCloseable {
    private static final int PIECE_ELEMENTS = 128 * RunningSum.BLOCK;
    private static final long MOST_TOTAL = 1L << 20;

    private final List<Ingredient> ingredients;
    private final ExecutorService workers;
    private final int threads;
    private final Arena arena = Arena.ofShared();
    private final SequencedMap<String, RunningPart> parts = new LinkedHashMap<>();
    private final SortedSet<String> shared = new TreeSet<>();
    private final List<Piece> pieces = new ArrayList<>();

    /** Coefficients of who is in the sums. */
    private final int[] inSum;

    /** Whose elements are held; -1 for nobody's. */
    private int held = -1;

    /** What the held ingredient counts in the soup beyond the sum; the soup's coefficients. */
    private int extra;

    private int[] soup;
    private long reads;

    private record Piece(TensorSource[] sources, RunningSum tensor, long from, int n) {}

    private RunningSoup(List<Ingredient> ingredients, ExecutorService workers, int threads) {
        this.ingredients = List.copyOf(ingredients);
        this.workers = workers;
        this.threads = threads;
        this.inSum = new int[ingredients.size()];
        this.soup = new int[ingredients.size()];
    }

    /**
     * Opens ingredients and makes room; forms no soup yet.
     *
     * @param paths at least one, all alike
     * @param options threads, components, hashes and progress are used; ingredients that differ are
     *     refused whatever the policy says
     * @throws SoupException as {@link Souper#make} does
     */
    public static RunningSoup open(List<Path> paths, SoupOptions options) {
        if (paths.isEmpty()) {
            throw new SoupException("A search needs at least one ingredient.");
        }
        ExecutorService workers = Workers.start(options.threads());
        List<Ingredient> opened = new ArrayList<>();
        boolean complete = false;
        try {
            for (Path p : paths) {
                opened.add(Ingredient.of(SoupIngredient.of(p), Checkpoint.openWhole(p)));
            }
            opened.forEach(i -> SpecialWeights.refuse(i.checkpoint(), "averaged"));
            List<Checkpoint> others = opened.stream().skip(1).map(Ingredient::checkpoint).toList();
            List<TensorPlan> plan =
                    Mismatches.between(
                                    opened.getFirst().checkpoint(), others, MismatchPolicy.REFUSE)
                            .plan();
            for (String c : options.components()) {
                opened.getFirst().part(c);
            }
            RunningSoup soup =
                    new RunningSoup(
                            IngredientHashes.of(opened, workers, options),
                            workers,
                            options.threads());
            soup.allocate(plan, options.components());
            complete = true;
            return soup;
        } finally {
            if (!complete) {
                workers.shutdownNow();
                opened.forEach(i -> i.checkpoint().close());
            }
        }
    }

    private void allocate(List<TensorPlan> plan, SortedSet<String> components) {
        Map<String, List<TensorPlan>> byPart = new LinkedHashMap<>();
        plan.forEach(t -> byPart.computeIfAbsent(t.part(), p -> new ArrayList<>()).add(t));
        byPart.forEach((name, tensors) -> {
            boolean same =
                    ingredients.stream().map(i -> i.hashes().get(name)).distinct().count() == 1;
            boolean fixed = same || !(components.isEmpty() || components.contains(name));
            TensorSource[] sources =
                    ingredients.stream().map(i -> i.part(name)).toArray(TensorSource[]::new);
            RunningPart part = new RunningPart(this, sources, tensors, fixed, arena);
            parts.put(name, part);
            if (fixed) {
                shared.add(name);
                return;
            }
            for (RunningSum t : part.sums()) {
                for (long from = 0; t.isSummed() && from < t.elements; from += PIECE_ELEMENTS) {
                    int n = (int) Math.min(PIECE_ELEMENTS, t.elements - from);
                    pieces.add(new Piece(sources, t, from, n));
                }
            }
        });
    }

    /** The ingredients' names, in the order of coefficients. */
    public List<String> names() {
        return ingredients.stream().map(i -> i.what().name()).toList();
    }

    /** SHA-256 of an ingredient's weights by part. */
    public SortedMap<String, String> hashes(int ingredient) {
        return Collections.unmodifiableSortedMap(ingredients.get(ingredient).hashes());
    }

    /** The parts' names, as in {@link Checkpoint#parts}. */
    public SortedSet<String> parts() {
        return new TreeSet<>(parts.keySet());
    }

    /** Whether a part is the same in every soup: equal in all ingredients, or not searched over. */
    public boolean isShared(String part) {
        return shared.contains(part);
    }

    /**
     * One part of the soup last formed. Closing it does nothing.
     *
     * @throws SoupException if there is none of that name, or no soup was formed yet
     */
    public TensorSource part(String name) {
        RunningPart part = parts.get(name);
        if (part == null) {
            throw new SoupException("There is no component '" + name + "' to search over.");
        }
        if (Arrays.stream(soup).allMatch(a -> a == 0)) {
            throw new SoupException("No soup was formed yet.");
        }
        return part;
    }

    /** Bytes of sums and of the held ingredient. */
    public long memory() {
        return parts.values().stream().mapToLong(RunningPart::memory).sum();
    }

    /** How often a whole ingredient was read so far. */
    public long reads() {
        return reads;
    }

    /** Weights in blocks that are computed from the files, as the sum cannot hold them. */
    public long outsideSums() {
        return parts.values().stream()
                .flatMap(p -> p.sums().stream())
                .mapToLong(t -> (long) t.markedBlocks() * RunningSum.BLOCK)
                .sum();
    }

    /**
     * Forms a soup: sum a_i w_i / sum a_i.
     *
     * @param a its coefficients, at least 0, one above
     * @param base coefficients of a soup that the next ones differ little from; only the cost
     *     depends on it
     */
    public void form(int[] a, int[] base) {
        int only = onlyMember(a);
        if (only >= 0) {
            if (held != only) {
                Scaled t = Scaled.match(base, inSum);
                boolean wanted = held >= 0 && t.q == 1 && inSum[held] != t.to[held];
                load(only, 1, wanted ? t.to[held] - inSum[held] : 0);
            }
            soup = a.clone();
            return;
        }
        Scaled direct = Scaled.match(a, inSum);
        if (direct.q != 1 || Scaled.differing(inSum, direct.to).stream().anyMatch(i -> i != held)) {
            Scaled t = Scaled.match(base, inSum);
            if (reads(t.scaled(inSum), t.to) > reads(new int[base.length], base)) {
                clearSums();
                t = new Scaled(1, base.clone());
            }
            // First to the base, then on to the soup; the base may have to be scaled up for that.
            Scaled on = Scaled.match(a, t.to);
            int q = Math.multiplyExact(t.q, on.q);
            List<int[]> changes = new ArrayList<>(changes(times(q, inSum), times(on.q, t.to)));
            changes.addAll(changes(times(on.q, t.to), on.to));
            apply(q, changes);
            direct = new Scaled(1, on.to);
        }
        extra = held < 0 ? 0 : direct.to[held] - inSum[held];
        soup = direct.to;
    }

    private static int[] times(int q, int[] a) {
        return Arrays.stream(a).map(k -> Math.multiplyExact(q, k)).toArray();
    }

    private void clearSums() {
        parts.values().forEach(p -> p.sums().forEach(RunningSum::clear));
        Arrays.fill(inSum, 0);
    }

    /**
     * Scales the sums and changes them.
     *
     * @param changes each as {ingredient, by how much}; all but the last end up in the sum
     */
    private void apply(int q, List<int[]> changes) {
        for (int i = 1; i < changes.size(); i++) {
            if (changes.get(i)[0] == held && changes.getFirst()[0] != held) {
                changes.addFirst(changes.remove(i)); // in memory: no read
            }
        }
        int scale = q;
        int pending = 0;
        for (int[] c : changes) {
            if (c[0] != held) {
                load(c[0], scale, pending);
                pending = 0;
                scale = 1;
            }
            pending += c[1];
        }
        if (scale != 1) {
            load(held, scale, 0);
        }
    }

    private static int onlyMember(int[] a) {
        int[] in = java.util.stream.IntStream.range(0, a.length).filter(i -> a[i] > 0).toArray();
        if (in.length == 0) {
            throw new SoupException("A soup needs at least one ingredient.");
        }
        return in.length == 1 ? in[0] : -1;
    }

    private int reads(int[] from, int[] to) {
        return (int) Scaled.differing(from, to).stream().filter(i -> i != held).count();
    }

    private static List<int[]> changes(int[] from, int[] to) {
        return Scaled.differing(from, to).stream()
                .map(i -> new int[] {i, to[i] - from[i]})
                .toList();
    }

    /**
     * Coefficients as they are wanted of a sum.
     *
     * @param q what the sum has to be multiplied with first
     * @param to then wanted
     */
    private record Scaled(int q, int[] to) {
        int[] scaled(int[] sum) {
            return times(q, sum);
        }

        /** The multiples of wanted coefficients and of a sum's that differ least. */
        static Scaled match(int[] wanted, int[] sum) {
            Scaled best = new Scaled(1, wanted.clone());
            int least = differing(sum, wanted).size();
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] == 0 || sum[i] == 0) {
                    continue;
                }
                int gcd = BigInteger.valueOf(wanted[i]).gcd(BigInteger.valueOf(sum[i])).intValue();
                int q = wanted[i] / gcd;
                int m = sum[i] / gcd;
                if (total(sum) * q > MOST_TOTAL || total(wanted) * m > MOST_TOTAL) {
                    continue;
                }
                int[] to = times(m, wanted);
                int differing = differing(times(q, sum), to).size();
                if (differing < least || (differing == least && q < best.q)) {
                    best = new Scaled(q, to);
                    least = differing;
                }
            }
            return best;
        }

        private static long total(int[] a) {
            return Arrays.stream(a).asLongStream().sum();
        }

        static List<Integer> differing(int[] from, int[] to) {
            List<Integer> at = new ArrayList<>();
            for (int i = 0; i < from.length; i++) {
                if (from[i] != to[i]) {
                    at.add(i);
                }
            }
            return at;
        }
    }

    int threads() {
        return threads;
    }

    /**
     * Has several threads do the same work, each told its number; returns when all have ended. One
     * alone is the caller.
     *
     * @throws SoupException of the one that failed
     */
    void together(int count, IntConsumer work) {
        if (count <= 1) {
            work.accept(0);
            return;
        }
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            running.add(workers.submit(() -> work.accept(number)));
        }
        SoupException failure = null;
        for (Future<?> f : running) {
            try {
                f.get();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                failure = new SoupException("Interrupted while reading an ingredient.", e);
            } catch (ExecutionException e) {
                failure =
                        e.getCause() instanceof SoupException s
                                ? s
                                : new SoupException("Reading failed: " + e.getCause(), e);
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /**
     * Makes the sums q times themselves plus d times the held ingredient, then holds another, in
     * one pass.
     */
    private void load(int ingredient, int q, int d) {
        RunningSum.Pieces queue = new RunningSum.Pieces(pieces.size());
        boolean complete = false;
        try {
            together(threads, i -> work(queue, ingredient, q, d));
            complete = true;
        } finally {
            if (!complete) {
                // Some pieces are done and some are not.
                held = -1;
                clearSums();
            }
        }
        for (int i = 0; i < inSum.length; i++) {
            inSum[i] = inSum[i] * q + (i == held ? d : 0);
        }
        held = ingredient;
        extra = 0;
        reads++;
        parts.values().forEach(p -> p.source(ingredient).checkUnchanged());
    }

    private void work(RunningSum.Pieces queue, int ingredient, int q, int d) {
        RunningSum.Folder folder = new RunningSum.Folder();
        for (int i = queue.take(); i >= 0; i = queue.take()) {
            Piece p = pieces.get(i);
            if (d != 0 || q != 1) {
                folder.fold(p.tensor, p.from, p.n, q, d);
            }
            MemorySegment to = p.tensor.held(p.from, p.n);
            p.sources[ingredient].read(p.tensor.plan.name(), p.from * p.tensor.dtype.bytes(), to);
        }
    }

    /** Coefficients of the soup last formed, on the scale of the sum unless it has one member. */
    int[] soup() {
        return soup;
    }

    int held() {
        return held;
    }

    int extra() {
        return extra;
    }

    /** Frees the memory and closes the ingredients. */
    @Override
    public void close() {
        workers.shutdownNow();
        arena.close();
        ingredients.forEach(i -> i.checkpoint().close());
    }
}
