package org.diffusionsoup.cli.command;

import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine.ParameterException;

/**
 * Numbers of things that an option may ask for. Where nothing is asked for, the option is empty: no
 * number stands for that, so 0 is refused as -1 is.
 */
public final class Count {
    private Count() {}

    /**
     * A count as it was given.
     *
     * @param flag that gave it, such as {@code --steps}
     * @param given the number, or empty where the flag was not given
     * @param misuse an exception of the command with a sentence
     * @return {@code given}
     * @throws ParameterException if it is given and below 1
     */
    public static <N extends Number> Optional<N> of(
            String flag, Optional<N> given, Function<String, ParameterException> misuse) {
        given.filter(n -> n.longValue() < 1)
                .ifPresent(n -> {
                    throw misuse.apply(flag + " must be at least 1, not " + n + ".");
                });
        return given;
    }

    /** The threads to work with: as many as asked for, else one for every processor. */
    public static int threads(
            Optional<Integer> given, Function<String, ParameterException> misuse) {
        return of("--threads", given, misuse).orElseGet(Runtime.getRuntime()::availableProcessors);
    }
}
