package org.diffusionsoup.core.mismatch;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;

/** Ingredients that cannot be averaged because they are not the same model. */
public final class IncompatibleIngredientsException extends SoupException {
    private static final long serialVersionUID = 1L;
    private static final int SHOWN = 20;

    private final List<String> differences;

    /** A failure that lists what differs, one short text each. */
    public IncompatibleIngredientsException(Path first, Path other, List<String> differences) {
        this(first, other, differences, "use ingredients of one base.");
    }

    /**
     * The same.
     *
     * @param advice what to do, the end of the sentence
     */
    public IncompatibleIngredientsException(
            Path first, Path other, List<String> differences, String advice) {
        super(sentence(first, other, differences, advice));
        this.differences = List.copyOf(differences);
    }

    /** A failure that says what a policy refuses; its message has several lines. */
    IncompatibleIngredientsException(Mismatches mismatches) {
        super(mismatches.message().strip());
        this.differences =
                mismatches.all().stream()
                        .filter(Mismatch::refused)
                        .map(m -> MismatchText.line(mismatches.names(), m))
                        .toList();
    }

    /** Every difference, one short text each. */
    public List<String> differences() {
        return differences;
    }

    private static String sentence(
            Path first, Path other, List<String> differences, String advice) {
        int n = differences.size();
        String more = n > SHOWN ? "; and " + (n - SHOWN) + " more" : "";
        return other
                + " is not the same model as "
                + first
                + " ("
                + Plural.of(n, "difference")
                + "): "
                + String.join("; ", differences.subList(0, Math.min(n, SHOWN)))
                + more
                + "; "
                + advice;
    }
}
