package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.soup.average.WorkerTeam;
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
    private final List<Ingredient> ingredients;
    private final ExecutorService workers;
    private final Arena arena = Arena.ofShared();
    private final SequencedMap<String, RunningPart> parts = new LinkedHashMap<>();
    private final SortedSet<String> shared = new TreeSet<>();
    private final RunningSums sums;
    private Optional<FormedSoup> formed = Optional.empty();

    private RunningSoup(
            List<Ingredient> ingredients,
            List<TensorPlan> plan,
            SoupOptions options,
            ExecutorService workers) {
        this.ingredients = List.copyOf(ingredients);
        this.workers = workers;
        WorkerTeam team = new WorkerTeam(workers, options.threads());
        Map<String, List<TensorPlan>> byPart = new LinkedHashMap<>();
        plan.forEach(t -> byPart.computeIfAbsent(t.part(), p -> new ArrayList<>()).add(t));
        byPart.forEach((name, tensors) -> {
            boolean fixed = isAlike(name) || !options.averages(name);
            if (fixed) {
                shared.add(name);
            }
            TensorSource[] sources =
                    ingredients.stream().map(i -> i.part(name)).toArray(TensorSource[]::new);
            parts.put(name, new RunningPart(this::formed, team, sources, tensors, fixed, arena));
        });
        this.sums = new RunningSums(parts.values(), ingredients.size(), team);
    }

    private boolean isAlike(String part) {
        return ingredients.stream().map(i -> i.hashes().get(part)).distinct().count() == 1;
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
            List<TensorPlan> plan = plan(opened, options);
            for (String c : options.components()) {
                opened.getFirst().part(c);
            }
            List<Ingredient> hashed = IngredientHashes.of(opened, workers, options);
            RunningSoup soup = new RunningSoup(hashed, plan, options, workers);
            complete = true;
            return soup;
        } finally {
            if (!complete) {
                workers.shutdownNow();
                opened.forEach(i -> i.checkpoint().close());
            }
        }
    }

    private static List<TensorPlan> plan(List<Ingredient> opened, SoupOptions options) {
        opened.forEach(i -> SpecialWeights.refuse(i.checkpoint(), "averaged"));
        List<Checkpoint> all = opened.stream().map(Ingredient::checkpoint).toList();
        return Mismatches.between(
                        all.getFirst(),
                        all.subList(1, all.size()),
                        MismatchPolicy.REFUSE,
                        options.components())
                .plan();
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
        formed();
        return part;
    }

    private FormedSoup formed() {
        return formed.orElseThrow(() -> new SoupException("No soup was formed yet."));
    }

    /** Bytes of sums and of the held ingredient. */
    public long memory() {
        return parts.values().stream().mapToLong(RunningPart::memory).sum();
    }

    /** How often a whole ingredient was read so far. */
    public long reads() {
        return sums.reads();
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
     * @throws SoupException if an ingredient cannot be read, or changed; there is no soup then
     */
    public void form(int[] a, int[] base) {
        RunningPlan plan = sums.plan(a, base);
        formed = Optional.empty();
        formed = Optional.of(sums.execute(plan));
    }

    /** Frees the memory and closes the ingredients. */
    @Override
    public void close() {
        workers.shutdownNow();
        arena.close();
        ingredients.forEach(i -> i.checkpoint().close());
    }
}
