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

    private final OptionSpec extra =
            words("--on-extra", OnExtra.class)
                    .description(
                            "Tensors and components that the first lacks and another has: refuse, drop,"
                                    + " keep (default: refuse).")
                    .build();

    private final OptionSpec dtype =
            words("--on-dtype", OnDtype.class)
                    .description(
                            "Tensors of another dtype than the first's: refuse, convert (average the"
                                    + " values), from-first (default: refuse).")
                    .build();

    private final OptionSpec shape =
            words("--on-shape", OnShape.class)
                    .description(
                            "Tensors of another shape than the first's: refuse, from-first (default:"
                                    + " refuse).")
                    .build();

    private final OptionSpec files =
            words("--on-files", OnFiles.class)
                    .description(
                            "Configurations and other files without weights that differ: refuse,"
                                    + " from-first (default: refuse).")
                    .build();

    /** Adds these flags to a command's options. */
    void addTo(CommandSpec spec) {
        spec.addOption(missing).addOption(extra).addOption(dtype).addOption(shape).addOption(files);
    }

    /** What the flags say. */
    MismatchPolicy policy() {
        return new MismatchPolicy(
                missing.getValue(),
                extra.getValue(),
                dtype.getValue(),
                shape.getValue(),
                files.getValue());
    }

    /** An option of which the first constant is what happens where it is not given. */
    private static <E extends Enum<E>> OptionSpec.Builder words(String name, Class<E> type) {
        Words<E> words = new Words<>(type);
        return Options.value(type, "WHAT", name)
                .initialValue(type.getEnumConstants()[0])
                .converters(words)
                .completionCandidates(words);
    }

    /** Reads and lists an enum's values as words with hyphens. */
    private static final class Words<E extends Enum<E>>
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
}
