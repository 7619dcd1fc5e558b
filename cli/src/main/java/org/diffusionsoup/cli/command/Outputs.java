package org.diffusionsoup.cli.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The places that a command writes to. */
final class Outputs {
    /** What is written as a whole, so that nothing else may lie there. */
    private static final Set<String> FLAGS =
            Set.of("--out", "--each", "--journal", "--page", "--plot");

    private Outputs() {}

    /**
     * Refuses a place that two outputs share: the one written last would be all that is left. So
     * would it be of one inside another, or the other could not be replaced any more, as it would
     * hold what is no part of it.
     *
     * @param misuse an exception of the command with a sentence
     */
    static void refuseShared(ParseResult parsed, Function<String, ParameterException> misuse) {
        Map<String, Path> places = new LinkedHashMap<>();
        for (OptionSpec option : parsed.matchedOptions()) {
            if (FLAGS.contains(option.longestName())) {
                for (String value : option.originalStringValues()) {
                    places.put(option.longestName(), Path.of(value));
                }
            }
        }
        places.forEach((flag, place) ->
                places.forEach((other, around) -> {
                    if (flag.equals(other) || around.toString().isEmpty()) {
                        return;
                    }
                    if (!absolute(place).startsWith(absolute(around))) {
                        return;
                    }
                    throw misuse.apply(
                            absolute(place).equals(absolute(around))
                                    ? "%s and %s are both %s; name two places."
                                            .formatted(flag, other, place)
                                    : "%s %s lies inside %s %s, which holds nothing else; name a place beside it."
                                            .formatted(flag, place, other, around));
                }));
    }

    /** Behind the links of the folders that are there. */
    private static Path absolute(Path p) {
        Path whole = p.toAbsolutePath().normalize();
        for (Path there = whole.getParent(); there != null; there = there.getParent()) {
            if (Files.isDirectory(there)) {
                try {
                    return there.toRealPath().resolve(there.relativize(whole)).normalize();
                } catch (IOException e) {
                    return whole; // whoever writes there says why not
                }
            }
        }
        return whole;
    }
}
