package org.diffusionsoup.cli.command;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import org.diffusionsoup.core.MismatchPolicy;
import org.diffusionsoup.core.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.MismatchPolicy.OnShape;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * The flags that say what to do with checkpoints that are not alike; a mixin of commands that
 * average. Values are the policy's in lower case with hyphens, such as {@code average-present}.
 */
final class MismatchFlags {
    @Option(
            names = "--on-missing",
            defaultValue = "refuse",
            paramLabel = "WHAT",
            completionCandidates = Missing.class,
            converter = Missing.class,
            description =
                    "Tensors and components that the first has and another lacks: refuse,"
                            + " average-present (over those that have it), drop (default:"
                            + " refuse).")
    private OnMissing missing = OnMissing.REFUSE;

    @Option(
            names = "--on-extra",
            defaultValue = "refuse",
            paramLabel = "WHAT",
            completionCandidates = Extra.class,
            converter = Extra.class,
            description =
                    "Tensors and components that the first lacks and another has: refuse, drop,"
                            + " keep (default: refuse).")
    private OnExtra extra = OnExtra.REFUSE;

    @Option(
            names = "--on-dtype",
            defaultValue = "refuse",
            paramLabel = "WHAT",
            completionCandidates = Dtype.class,
            converter = Dtype.class,
            description =
                    "Tensors of another dtype than the first's: refuse, convert (average the"
                            + " values), from-first (default: refuse).")
    private OnDtype dtype = OnDtype.REFUSE;

    @Option(
            names = "--on-shape",
            defaultValue = "refuse",
            paramLabel = "WHAT",
            completionCandidates = Shape.class,
            converter = Shape.class,
            description =
                    "Tensors of another shape than the first's: refuse, from-first (default:"
                            + " refuse).")
    private OnShape shape = OnShape.REFUSE;

    @Option(
            names = "--on-files",
            defaultValue = "refuse",
            paramLabel = "WHAT",
            completionCandidates = OtherFiles.class,
            converter = OtherFiles.class,
            description =
                    "Configurations and other files without weights that differ: refuse,"
                            + " from-first (default: refuse).")
    private OnFiles files = OnFiles.REFUSE;

    /** What the flags say. */
    MismatchPolicy policy() {
        return new MismatchPolicy(missing, extra, dtype, shape, files);
    }

    /** Reads and lists an enum's values as words with hyphens. */
    private abstract static class Words<E extends Enum<E>>
            implements ITypeConverter<E>, Iterable<String> {
        private final Class<E> type;

        Words(Class<E> type) {
            this.type = type;
        }

        @Override
        public E convert(String value) {
            for (E e : type.getEnumConstants()) {
                if (word(e).equalsIgnoreCase(value.replace('_', '-'))) {
                    return e;
                }
            }
            throw new TypeConversionException(
                    "'" + value + "' is none of " + String.join(", ", this));
        }

        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(type.getEnumConstants()).map(Words::word).iterator();
        }

        private static String word(Enum<?> e) {
            return e.name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    private static final class Missing extends Words<OnMissing> {
        Missing() {
            super(OnMissing.class);
        }
    }

    private static final class Extra extends Words<OnExtra> {
        Extra() {
            super(OnExtra.class);
        }
    }

    private static final class Dtype extends Words<OnDtype> {
        Dtype() {
            super(OnDtype.class);
        }
    }

    private static final class Shape extends Words<OnShape> {
        Shape() {
            super(OnShape.class);
        }
    }

    private static final class OtherFiles extends Words<OnFiles> {
        OtherFiles() {
            super(OnFiles.class);
        }
    }
}
