package org.diffusionsoup.core.method;

import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;

/**
 * A number of a merge that may differ from block to block: rules by tensor name, of which the first
 * that fits decides, and a value for all other tensors. Merging with coefficients per block is
 * known among users as block-weighted merge; it has no paper of its own.
 *
 * @param rules in order of precedence
 * @param otherwise what counts where no rule fits
 */
public record Factor(List<Rule> rules, Rational otherwise) {
    /** The same everywhere: 1. */
    public static final Factor ONE = of(Rational.ONE);

    /**
     * One rule.
     *
     * @param pattern the tensors
     * @param value their number
     */
    public record Rule(NamePattern pattern, Rational value) {}

    public Factor {
        rules = List.copyOf(rules);
    }

    /** The same everywhere. */
    public static Factor of(Rational value) {
        return new Factor(List.of(), value);
    }

    /** The same everywhere, as {@link Rational#parse} reads it. */
    public static Factor of(String value) {
        return of(Rational.parse(value));
    }

    /** The number of a tensor, by its full name. */
    public Rational at(String tensor) {
        for (Rule r : rules) {
            if (r.pattern().matches(tensor)) {
                return r.value();
            }
        }
        return otherwise;
    }

    /** All numbers it can give. */
    Stream<Rational> values() {
        return Stream.concat(rules.stream().map(Rule::value), Stream.of(otherwise));
    }

    /** Refuses numbers outside of [least, most]. */
    void checkRange(String what, Rational least, Rational most) {
        values().forEach(v -> {
            if (v.compareTo(least) < 0 || v.compareTo(most) > 0) {
                throw new SoupException(
                        "The "
                                + what
                                + " must be from "
                                + least
                                + " to "
                                + most
                                + ", not "
                                + v
                                + ".");
            }
        });
    }

    /** Refuses negative numbers. */
    void checkNotNegative(String what) {
        values().forEach(v -> {
            if (v.signum() < 0) {
                throw new SoupException("The " + what + " must be at least 0, not " + v + ".");
            }
        });
    }
}
