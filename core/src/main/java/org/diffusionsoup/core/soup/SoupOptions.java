package org.diffusionsoup.core.soup;

import java.util.Collection;
import java.util.Collections;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.tensor.DType;

/**
 * How soups are made.
 *
 * @param threads worker threads, at least 1; the output does not depend on them
 * @param writer layout of the output
 * @param outputDType dtype of all floating-point tensors written; empty: each tensor's own
 * @param allowNonFinite whether NaN and infinities are averaged (as IEEE 754 adds them) instead of
 *     refused
 * @param components of diffusers folders, the only ones to average, the others being copied from
 *     the first ingredient; empty for all
 * @param policy what to do with ingredients that are not alike; with any but {@link
 *     MismatchPolicy#REFUSE} the first ingredient is the one the others are compared with
 * @param keepSum whether the exact sum is kept in {@code OUTPUT.sum}, for {@link SoupAdjuster}
 * @param hashes remembers the SHA-256 of ingredients
 * @param progress told how far a soup is
 * @param variant of diffusers folders' weights, such as {@code fp16}; empty for those without such
 *     a word in their names
 */
public record SoupOptions(
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
    public static final SoupOptions DEFAULT =
            new SoupOptions(
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

    public SoupOptions {
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

    /** Whether a component is averaged; the others are copied. */
    boolean averages(String component) {
        return components.isEmpty() || components.contains(component);
    }

    public SoupOptions withThreads(int threads) {
        return change(b -> b.threads = threads);
    }

    public SoupOptions withWriter(CheckpointWriter writer) {
        return change(b -> b.writer = writer);
    }

    public SoupOptions withOutputDType(Optional<DType> outputDType) {
        return change(b -> b.outputDType = outputDType);
    }

    public SoupOptions withAllowNonFinite(boolean allowNonFinite) {
        return change(b -> b.allowNonFinite = allowNonFinite);
    }

    public SoupOptions withComponents(Collection<String> components) {
        return change(b -> b.components = new TreeSet<>(components));
    }

    public SoupOptions withPolicy(MismatchPolicy policy) {
        return change(b -> b.policy = policy);
    }

    public SoupOptions withKeepSum(boolean keepSum) {
        return change(b -> b.keepSum = keepSum);
    }

    public SoupOptions withHashes(HashCache hashes) {
        return change(b -> b.hashes = hashes);
    }

    public SoupOptions withProgress(SoupProgress progress) {
        return change(b -> b.progress = progress);
    }

    public SoupOptions withVariant(String variant) {
        return change(b -> b.variant = variant);
    }

    private SoupOptions change(Consumer<Fields> change) {
        Fields fields = new Fields(this);
        change.accept(fields);
        return fields.options();
    }

    /** The same values where one of them can be set. */
    private static final class Fields {
        private int threads;
        private CheckpointWriter writer;
        private Optional<DType> outputDType;
        private boolean allowNonFinite;
        private SortedSet<String> components;
        private MismatchPolicy policy;
        private boolean keepSum;
        private HashCache hashes;
        private SoupProgress progress;
        private String variant;

        private Fields(SoupOptions of) {
            threads = of.threads;
            writer = of.writer;
            outputDType = of.outputDType;
            allowNonFinite = of.allowNonFinite;
            components = of.components;
            policy = of.policy;
            keepSum = of.keepSum;
            hashes = of.hashes;
            progress = of.progress;
            variant = of.variant;
        }

        private SoupOptions options() {
            return new SoupOptions(
                    threads,
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
    }
}
