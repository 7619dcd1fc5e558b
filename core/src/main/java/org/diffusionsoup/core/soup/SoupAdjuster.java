package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.io.Inputs;
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

    private final SoupOptions options;

    /**
     * Adjusts with these options; their output dtype, components and size of files are the soup's.
     */
    public SoupAdjuster(SoupOptions options) {
        this.options = options;
    }

    /**
     * The ingredients in a kept sum by name, with the weights that they were given.
     *
     * @throws SoupException if no sum is kept beside the soup
     */
    public static SortedMap<String, Coefficient> weights(Path soup) {
        return KeptSum.open(soup, Optional.empty()).weights();
    }

    /**
     * Adjusts from the kept sum. With {@link SoupOptions#keepSum} the new soup gets a kept sum,
     * too. Ingredients are read as the soup's were: the same variant of their weights.
     *
     * <p>What is not averaged is what averaging the remaining ingredients afresh would copy: in the
     * order they were given, who is added behind. Where that is of an ingredient which is neither
     * added nor found, as it was averaged, under its name beside the soup or what leaves or comes,
     * nothing is made.
     *
     * @throws SoupException if no sum is kept, it is not this soup's, an ingredient to remove is
     *     not in it, nothing would be left, averaging would be refused, what is copied is not
     *     there, another run replaces the sum meanwhile, or reading or writing fails
     */
    public Soup exactly(Request request) {
        return exactly(request, ExactAdjustment::make);
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
                        exact.close();
                    }
                    return new Soup(request.output(), List.of(), 0, 0, 0, 0, "", "");
                });
    }

    private Soup exactly(Request request, Function<ExactAdjustment, Soup> make) {
        KeptSum kept = KeptSum.open(request.soup(), otherwise(request));
        try {
            return exactly(request, kept, make);
        } catch (SoupException e) {
            if (!request.byCaller()) {
                kept.checkNotReplaced(); // what two runs' files say of each other is no damage
            }
            throw e;
        }
    }

    private Soup exactly(Request request, KeptSum kept, Function<ExactAdjustment, Soup> make) {
        if (!request.byCaller()) {
            kept.checkSmall();
        }
        return withWorkers(
                request,
                kept.options().getOrDefault(SoupRecipe.VARIANT, ""),
                (soup, removed, added, workers) ->
                        make.apply(
                                new ExactAdjustment(
                                        request,
                                        soup,
                                        kept,
                                        removed,
                                        added,
                                        like(soup, kept::has),
                                        workers)));
    }

    /** What the formula can do without a sum. */
    private static Optional<String> otherwise(Request request) {
        return request.remove().size() == 1 && request.add().isEmpty()
                ? Optional.of("use `approximate`")
                : Optional.empty();
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
                ApproximateRemoval.variant(request.soup()),
                (soup, removed, added, workers) ->
                        new ApproximateRemoval(
                                        soup, removed.getFirst(), like(soup, part -> true), workers)
                                .make(request.output()));
    }

    /** Options that split weights into files as the soup's are, of the parts that are made anew. */
    private SoupOptions like(Checkpoint soup, Predicate<String> anew) {
        List<TensorSource> parts = new ArrayList<>();
        soup.parts()
                .forEach((part, source) -> {
                    if (anew.test(part)) {
                        parts.add(source);
                    }
                });
        return options.withWriter(options.writer().splittingAs(parts));
    }

    private interface Work {
        Soup run(
                Checkpoint soup,
                List<Ingredient> removed,
                List<Ingredient> added,
                ExecutorService workers);
    }

    /**
     * @param variant of the weights that the soup was made of
     */
    private Soup withWorkers(Request request, String variant, Work work) {
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
        if (!Inputs.isSame(request.output(), request.soup())) {
            Inputs.keep(request.output(), List.of(request.soup()), "the soup");
        }
        ExecutorService workers = Workers.start(options.threads());
        List<Ingredient> opened = new ArrayList<>();
        try (Checkpoint soup = Checkpoint.open(request.soup())) {
            for (Path r : request.remove()) {
                opened.add(open(SoupIngredient.of(r), request.soup(), variant));
            }
            for (SoupIngredient a : request.add()) {
                opened.add(open(a, request.soup(), variant));
            }
            checkAlike(soup, opened, opened.subList(request.remove().size(), opened.size()));
            List<Ingredient> hashed = IngredientHashes.of(opened, workers, options);
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

    /** Opens an ingredient as the soup's were read. */
    private static Ingredient open(SoupIngredient i, Path soup, String variant) {
        try {
            return Ingredient.of(i, Checkpoint.openWhole(i.path(), variant));
        } catch (DiffusersFolder.NoSuchVariantException e) {
            throw new SoupException(
                    "%s has no weights of the variant '%s', of which %s is made."
                            .formatted(i.path(), variant, soup),
                    e);
        }
    }
}
