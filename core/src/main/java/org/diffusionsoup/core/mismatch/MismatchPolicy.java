package org.diffusionsoup.core.mismatch;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import org.diffusionsoup.core.SoupException;

/**
 * What to do with checkpoints that are not alike in every respect, case by case. Whatever a policy
 * does not allow is refused, with a list ({@link Mismatches}).
 *
 * @param missing for tensors, and whole components, of the first that another lacks
 * @param extra for those that the first lacks
 * @param dtype for tensors of another dtype than the first's
 * @param shape for tensors of another shape than the first's
 * @param files for configurations, tokenizers and other files of a folder that carry no weights,
 *     but those of components that only some have, which {@code missing} and {@code extra} decide;
 *     also for the configurations that a single file carries in its header
 * @param integers for integers and booleans, which are no values to average: buffers such as {@code
 *     position_ids} and counters such as {@code num_updates}
 */
public record MismatchPolicy(
        OnMissing missing,
        OnExtra extra,
        OnDtype dtype,
        OnShape shape,
        OnFiles files,
        OnInteger integers) {

    /** Tensors, and whole components, that the first has and another lacks. */
    public enum OnMissing {
        /** Nothing is averaged. */
        REFUSE,
        /** Averaged over those that have it, their coefficients scaled to sum to 1. */
        AVERAGE_PRESENT,
        /** The output does not have it. */
        DROP
    }

    /** Tensors, and whole components, that the first lacks and another has. */
    public enum OnExtra {
        /** Nothing is averaged. */
        REFUSE,
        /** The output does not have it. */
        DROP,
        /**
         * Copied from the only one that has it, averaged over those that have it. A component's
         * other files are those of the first that has it.
         */
        KEEP
    }

    /** Tensors of another element type. */
    public enum OnDtype {
        /** Nothing is averaged. */
        REFUSE,
        /**
         * Floating-point values are averaged as they are, and stored in the first's dtype. Where
         * one has integers, which are no values to average, the first's tensor is copied.
         */
        CONVERT,
        /**
         * The first's tensor is copied, floating-point or not. Recipes of version 0.1 say it, and
         * are followed by it; no command asks for it any more.
         */
        FROM_FIRST
    }

    /** Tensors of another shape. */
    public enum OnShape {
        /** Nothing is averaged. */
        REFUSE,
        /** The first's tensor is copied. */
        FROM_FIRST,
        /**
         * For recipes alone ({@link org.diffusionsoup.core.method}): a smaller tensor counts as one
         * of the first's shape that lacks the elements beyond its own, which are computed without
         * it.
         */
        PAD
    }

    /** Integers that differ, in value or by another dtype. */
    public enum OnInteger {
        /** Nothing is averaged. */
        REFUSE,
        /** The first's tensor is copied. */
        FROM_FIRST
    }

    /** Files without weights that differ. */
    public enum OnFiles {
        /** Nothing is averaged. */
        REFUSE,
        /** The first's files are copied. */
        FROM_FIRST
    }

    /** Refuses every difference. */
    public static final MismatchPolicy REFUSE =
            new MismatchPolicy(
                    OnMissing.REFUSE,
                    OnExtra.REFUSE,
                    OnDtype.REFUSE,
                    OnShape.REFUSE,
                    OnFiles.REFUSE,
                    OnInteger.REFUSE);

    /** Whether every difference is refused. */
    public boolean refusesAll() {
        return equals(REFUSE);
    }

    /** The same with another treatment of missing tensors. */
    public MismatchPolicy withMissing(OnMissing other) {
        return new MismatchPolicy(other, extra, dtype, shape, files, integers);
    }

    /** The same with another treatment of extra tensors. */
    public MismatchPolicy withExtra(OnExtra other) {
        return new MismatchPolicy(missing, other, dtype, shape, files, integers);
    }

    /** The same with another treatment of other dtypes. */
    public MismatchPolicy withDtype(OnDtype other) {
        return new MismatchPolicy(missing, extra, other, shape, files, integers);
    }

    /** The same with another treatment of other shapes. */
    public MismatchPolicy withShape(OnShape other) {
        return new MismatchPolicy(missing, extra, dtype, other, files, integers);
    }

    /** The same with another treatment of files without weights. */
    public MismatchPolicy withFiles(OnFiles other) {
        return new MismatchPolicy(missing, extra, dtype, shape, other, integers);
    }

    /** The same with another treatment of integers. */
    public MismatchPolicy withIntegers(OnInteger other) {
        return new MismatchPolicy(missing, extra, dtype, shape, files, other);
    }

    /**
     * The policy that a recipe's options tell: {@code on_missing}, {@code on_extra}, {@code
     * on_dtype}, {@code on_shape}, {@code on_files} and {@code on_integers}, each with the name of
     * one of the constants here in lower case, such as {@code average_present}. A key that is not
     * there means {@code refuse}; other keys are not looked at.
     *
     * @throws SoupException if one of these has another value; names the key and the value
     */
    public static MismatchPolicy of(Map<String, String> options) {
        return new MismatchPolicy(
                get(options, "on_missing", OnMissing.values()),
                get(options, "on_extra", OnExtra.values()),
                get(options, "on_dtype", OnDtype.values()),
                get(options, "on_shape", OnShape.values()),
                get(options, "on_files", OnFiles.values()),
                get(options, "on_integers", OnInteger.values()));
    }

    /** Adds what is not refused to a recipe's options; {@link #of} reads it again. */
    public void describe(Map<String, String> options) {
        put(options, "on_missing", missing);
        put(options, "on_extra", extra);
        put(options, "on_dtype", dtype);
        put(options, "on_shape", shape);
        put(options, "on_files", files);
        put(options, "on_integers", integers);
    }

    private static void put(Map<String, String> options, String key, Enum<?> value) {
        if (!value.name().equals("REFUSE")) {
            options.put(key, word(value));
        }
    }

    private static <E extends Enum<E>> E get(Map<String, String> options, String key, E[] values) {
        String wanted = options.getOrDefault(key, "refuse");
        for (E value : values) {
            if (word(value).equals(wanted)) {
                return value;
            }
        }
        throw new SoupException(
                "'"
                        + wanted
                        + "' is no value of "
                        + key
                        + " that this version knows, only "
                        + String.join(
                                ", ", Arrays.stream(values).map(MismatchPolicy::word).toList())
                        + ".");
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
