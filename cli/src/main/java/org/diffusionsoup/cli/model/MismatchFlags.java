package org.diffusionsoup.cli.model;

import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.cli.command.Options;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * The flags that say what to do with checkpoints that are not alike; a mixin of commands that
 * average. Values are the policy's in lower case with hyphens, such as {@code average-present}.
 */
final class MismatchFlags {
    private final OptionSpec missing =
            words("--on-missing", OnMissing.class)
                    .description(
                            "Tensors and components that the first has and another lacks: refuse,"
                                    + " average-present (over those that have it), drop (default:"
                                    + " refuse).")
                    .build();

    private final OptionSpec dtype =
            words("--on-dtype", OnDtype.class)
                    .description(
                            "Tensors of another dtype than the first's: refuse, convert (average the"
                                    + " values and store them as the first does; where one has"
                                    + " integers, take the first's), from-first (the same, by its"
                                    + " earlier name) (default: refuse).")
                    .build();

    private final OptionSpec extra;
    private final OptionSpec shape;

    private final OptionSpec integers =
            words("--on-integers", OnInteger.class)
                    .description(
                            "Integers, such as position_ids and counters of updates, that differ or"
                                    + " stand beside another dtype: refuse, from-first (default:"
                                    + " refuse).")
                    .build();

    private final OptionSpec files =
            words("--on-files", OnFiles.class)
                    .description(
                            "Configurations and other files without weights that differ: refuse,"
                                    + " from-first (default: refuse).")
                    .build();

    /** Those of a mean. */
    MismatchFlags() {
        this(List.of(OnExtra.values()), ", keep", List.of(OnShape.REFUSE, OnShape.FROM_FIRST), "");
    }

    private MismatchFlags(List<OnExtra> extras, String keep, List<OnShape> shapes, String pad) {
        extra =
                words("--on-extra", OnExtra.class, extras)
                        .description(
                                "Tensors and components that the first lacks and another has:"
                                        + " refuse, drop"
                                        + keep
                                        + " (default: refuse).")
                        .build();
        shape =
                words("--on-shape", OnShape.class, shapes)
                        .description(
                                "Tensors of another shape than the first's: refuse, from-first"
                                        + pad
                                        + " (default: refuse).")
                        .build();
    }

    /** Those of a recipe, which say it in its place where they are given. */
    static MismatchFlags ofRecipes() {
        return new MismatchFlags(
                List.of(OnExtra.REFUSE, OnExtra.DROP),
                "",
                List.of(OnShape.values()),
                ", pad (merge what a smaller one has, and the rest without it)");
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

    /** Adds these flags to a command's options. */
    void addTo(CommandSpec spec) {
        spec.addOption(missing)
                .addOption(extra)
                .addOption(dtype)
                .addOption(integers)
                .addOption(shape)
                .addOption(files);
    }

    /** What the flags say. */
    MismatchPolicy policy() {
        OnDtype asked = dtype.getValue();
        return new MismatchPolicy(
                missing.getValue(),
                extra.getValue(),
                // A copy of the first is no mean of it and the others.
                asked == OnDtype.FROM_FIRST ? OnDtype.CONVERT : asked,
                shape.getValue(),
                files.getValue(),
                integers.getValue());
    }

    /** An option of which the first constant is what happens where it is not given. */
    private static <E extends Enum<E>> OptionSpec.Builder words(String name, Class<E> type) {
        return words(name, type, List.of(type.getEnumConstants()));
    }

    private static <E extends Enum<E>> OptionSpec.Builder words(
            String name, Class<E> type, List<E> values) {
        Words<E> words = new Words<>(values);
        return Options.value(type, "WHAT", name)
                .initialValue(values.getFirst())
                .converters(words)
                .completionCandidates(words);
    }

    /** Reads and lists an enum's values as words with hyphens. */
    private static final class Words<E extends Enum<E>>
            implements ITypeConverter<E>, Iterable<String> {
        private final List<E> values;

        Words(List<E> values) {
            this.values = values;
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
}
