package org.diffusionsoup.cli.model;

import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * The flags that say what to do with checkpoints that are not alike; a mixin of commands that
 * average. Values are the policy's in lower case with hyphens, such as {@code average-present}.
 */
abstract class MismatchFlags {
    @Option(
            names = "--on-missing",
            order = 10,
            paramLabel = "WHAT",
            converter = Missing.class,
            completionCandidates = Missing.class,
            description =
                    "Tensors and components that the first has and another lacks: refuse,"
                            + " average-present (over those that have it), drop (default:"
                            + " refuse).")
    private OnMissing missing = OnMissing.REFUSE;

    @Option(
            names = "--on-dtype",
            order = 12,
            paramLabel = "WHAT",
            converter = Dtypes.class,
            completionCandidates = Dtypes.class,
            description =
                    "Tensors of another dtype than the first's: refuse, convert (average the"
                            + " values and store them as the first does; where one has"
                            + " integers, take the first's), from-first (the same, by its"
                            + " earlier name) (default: refuse).")
    private OnDtype dtype = OnDtype.REFUSE;

    @Option(
            names = "--on-integers",
            order = 13,
            paramLabel = "WHAT",
            converter = Integers.class,
            completionCandidates = Integers.class,
            description =
                    "Integers, such as position_ids and counters of updates, that differ or"
                            + " stand beside another dtype: refuse, from-first (default:"
                            + " refuse).")
    private OnInteger integers = OnInteger.REFUSE;

    @Option(
            names = "--on-files",
            order = 15,
            paramLabel = "WHAT",
            converter = OtherFiles.class,
            completionCandidates = OtherFiles.class,
            description =
                    "Configurations and other files without weights that differ: refuse,"
                            + " from-first (default: refuse).")
    private OnFiles files = OnFiles.REFUSE;

    private MismatchFlags() {}

    /** What is asked for tensors that the first lacks. */
    abstract OnExtra extra();

    /** What is asked for tensors of another shape. */
    abstract OnShape shape();

    /** Those of a mean. */
    static final class OfMeans extends MismatchFlags {
        @Option(
                names = "--on-extra",
                order = 11,
                paramLabel = "WHAT",
                converter = Extra.class,
                completionCandidates = Extra.class,
                description =
                        "Tensors and components that the first lacks and another has: refuse, drop,"
                                + " keep (default: refuse).")
        private OnExtra extra = OnExtra.REFUSE;

        @Option(
                names = "--on-shape",
                order = 14,
                paramLabel = "WHAT",
                converter = Shape.class,
                completionCandidates = Shape.class,
                description =
                        "Tensors of another shape than the first's: refuse, from-first (default:"
                                + " refuse).")
        private OnShape shape = OnShape.REFUSE;

        @Override
        OnExtra extra() {
            return extra;
        }

        @Override
        OnShape shape() {
            return shape;
        }
    }

    /** Those of a recipe, which say it in its place where they are given. */
    static final class OfRecipes extends MismatchFlags {
        @Option(
                names = "--on-extra",
                order = 11,
                paramLabel = "WHAT",
                converter = ExtraOfRecipe.class,
                completionCandidates = ExtraOfRecipe.class,
                description =
                        "Tensors and components that the first lacks and another has: refuse, drop"
                                + " (default: refuse).")
        private OnExtra extra = OnExtra.REFUSE;

        @Option(
                names = "--on-shape",
                order = 14,
                paramLabel = "WHAT",
                converter = ShapeOfRecipe.class,
                completionCandidates = ShapeOfRecipe.class,
                description =
                        "Tensors of another shape than the first's: refuse, from-first, pad (merge"
                                + " what a smaller one has, and the rest without it) (default:"
                                + " refuse).")
        private OnShape shape = OnShape.REFUSE;

        @Override
        OnExtra extra() {
            return extra;
        }

        @Override
        OnShape shape() {
            return shape;
        }
    }

    /** What the flags say, and of what they do not say, another policy. */
    MismatchPolicy over(MismatchPolicy other) {
        MismatchPolicy own = policy();
        return new MismatchPolicy(
                own.missing() == OnMissing.REFUSE ? other.missing() : own.missing(),
                own.extra() == OnExtra.REFUSE ? other.extra() : own.extra(),
                own.dtype() == OnDtype.REFUSE ? other.dtype() : own.dtype(),
                own.shape() == OnShape.REFUSE ? other.shape() : own.shape(),
                own.files() == OnFiles.REFUSE ? other.files() : own.files(),
                own.integers() == OnInteger.REFUSE ? other.integers() : own.integers());
    }

    /** What the flags say. */
    MismatchPolicy policy() {
        return new MismatchPolicy(
                missing,
                extra(),
                // A copy of the first is no mean of it and the others.
                dtype == OnDtype.FROM_FIRST ? OnDtype.CONVERT : dtype,
                shape(),
                files,
                integers);
    }

    /** Reads and lists an enum's values as words with hyphens. */
    private abstract static class Words<E extends Enum<E>>
            implements ITypeConverter<E>, Iterable<String> {
        private final List<E> values;

        @SafeVarargs
        Words(E... values) {
            this.values = List.of(values);
        }

        @Override
        public E convert(String value) {
            for (E e : values) {
                if (word(e).equalsIgnoreCase(value.replace('_', '-'))) {
                    return e;
                }
            }
            throw new TypeConversionException(
                    "'" + value + "' is none of " + String.join(", ", this));
        }

        @Override
        public Iterator<String> iterator() {
            return values.stream().map(Words::word).iterator();
        }

        private static String word(Enum<?> e) {
            return e.name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    private static final class Missing extends Words<OnMissing> {
        Missing() {
            super(OnMissing.values());
        }
    }

    private static final class Extra extends Words<OnExtra> {
        Extra() {
            super(OnExtra.values());
        }
    }

    private static final class ExtraOfRecipe extends Words<OnExtra> {
        ExtraOfRecipe() {
            super(OnExtra.REFUSE, OnExtra.DROP);
        }
    }

    private static final class Dtypes extends Words<OnDtype> {
        Dtypes() {
            super(OnDtype.values());
        }
    }

    private static final class Integers extends Words<OnInteger> {
        Integers() {
            super(OnInteger.values());
        }
    }

    private static final class Shape extends Words<OnShape> {
        Shape() {
            super(OnShape.REFUSE, OnShape.FROM_FIRST);
        }
    }

    private static final class ShapeOfRecipe extends Words<OnShape> {
        ShapeOfRecipe() {
            super(OnShape.values());
        }
    }

    private static final class OtherFiles extends Words<OnFiles> {
        OtherFiles() {
            super(OnFiles.values());
        }
    }
}
