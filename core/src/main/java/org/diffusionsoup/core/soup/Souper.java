package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.Workers;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.IntegerTensors;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.soup.average.Averager;

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
    private final SoupOptions options;
    private final AverageKernel.Factory kernels;
    private final long bufferBytes;

    private Souper(SoupOptions options, AverageKernel.Factory kernels, long bufferBytes) {
        this.options = options;
        this.kernels = kernels;
        this.bufferBytes = bufferBytes;
    }

    /** A souper with {@link SoupOptions#DEFAULT}. */
    public static Souper create() {
        return with(SoupOptions.DEFAULT);
    }

    /** A souper with these options. */
    public static Souper with(SoupOptions options) {
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
                        ? IntegerTensors.fromFirst(
                                found.plan(), opened.stream().map(Ingredient::checkpoint).toList())
                        : found.plan();
        for (String c : options.components()) {
            if (first.original().folder().isEmpty()) {
                throw new SoupException(
                        "%s is one set of weights without components, and `component` chooses among those of diffusers folders; leave it out to average all, or name folders, which 'soup convert' makes of whole models."
                                .formatted(first.what().path()));
            }
            if (plan.stream().noneMatch(t -> t.part().equals(c))) {
                first.part(c);
            }
        }
        ExecutorService workers = Workers.start(options.threads());
        try {
            LateHashes late = LateHashes.of(opened, plan, options);
            List<Ingredient> hashed =
                    IngredientHashes.of(opened, workers, options, late.placeholders());
            AveragePlan soup = new AveragePlan(hashed, plan, notes, found, options);
            return new SoupRun(soup, options, kernels, bufferBytes, workers)
                    .make(output, warm, late);
        } finally {
            workers.shutdownNow();
        }
    }

    private Mismatches compared(List<Ingredient> opened) {
        List<Checkpoint> others =
                opened.subList(1, opened.size()).stream().map(Ingredient::checkpoint).toList();
        return Mismatches.between(
                opened.getFirst().checkpoint(), others, options.policy(), options.components());
    }

    private void checkOutput(List<SoupIngredient> ingredients, Path output) {
        Inputs.keep(
                output, ingredients.stream().map(SoupIngredient::path).toList(), "its ingredient");
        ModelOutput.MODEL.check(output, options.writer().replace());
        if (options.keepSum()) {
            KeptSum.KIND.checkReplaceable(KeptSum.folderOf(output));
        }
    }
}
