package org.diffusionsoup.core.search;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;

/**
 * The coefficients of a soup that may be chosen: k_i = a_i / sum(a), by the ingredients' order.
 *
 * @param shares the a_i in lowest terms, each at least 0, at least one above 0; what sums to 2^31
 *     or more is refused
 */
public record Candidate(List<Integer> shares) {
    /**
     * Brings the shares into lowest terms.
     *
     * @throws SoupException if one is below 0, none is above 0, or they are too large
     */
    public Candidate {
        BigInteger gcd = BigInteger.ZERO;
        long total = 0;
        for (int a : shares) {
            if (a < 0) {
                throw new SoupException("A coefficient must be at least 0, but one is " + a + ".");
            }
            total += a;
            gcd = gcd.gcd(BigInteger.valueOf(a));
        }
        if (total == 0) {
            throw new SoupException("A soup needs at least one ingredient.");
        }
        int divisor = gcd.intValueExact();
        shares = shares.stream().map(a -> a / divisor).toList();
        if (total / divisor > Integer.MAX_VALUE) {
            throw new SoupException("The coefficients of a candidate are too large.");
        }
    }

    /** All n ingredients alike. */
    public static Candidate uniform(int n) {
        return new Candidate(Collections.nCopies(n, 1));
    }

    /** One of n ingredients. */
    public static Candidate single(int n, int i) {
        List<Integer> a = new ArrayList<>(Collections.nCopies(n, 0));
        a.set(i, 1);
        return new Candidate(a);
    }

    /**
     * This uniform soup with one more ingredient, all members alike.
     *
     * @throws SoupException if it is in already
     */
    public Candidate with(int i) {
        requireMember(i, false);
        List<Integer> a = new ArrayList<>(shares);
        a.set(i, 1);
        return new Candidate(a);
    }

    /**
     * This soup without one ingredient, the others' coefficients in the same proportions.
     *
     * @throws SoupException if it is not in, or the only one
     */
    public Candidate without(int i) {
        requireMember(i, true);
        List<Integer> a = new ArrayList<>(shares);
        a.set(i, 0);
        return new Candidate(a);
    }

    private void requireMember(int i, boolean expected) {
        if ((shares.get(i) > 0) != expected) {
            throw new SoupException(
                    "Ingredient "
                            + (i + 1)
                            + (expected ? " is not in the soup." : " is in the soup already."));
        }
    }

    /** How many ingredients it is chosen from. */
    public int ingredients() {
        return shares.size();
    }

    /** Positions of the ingredients that are in, rising. */
    public List<Integer> members() {
        List<Integer> in = new ArrayList<>();
        for (int i = 0; i < shares.size(); i++) {
            if (shares.get(i) > 0) {
                in.add(i);
            }
        }
        return in;
    }

    /** The sum of all shares. */
    public int total() {
        return shares.stream().mapToInt(Integer::intValue).sum();
    }

    /** k_i, empty if the ingredient is not in. */
    public Optional<Coefficient> coefficient(int i) {
        int a = shares.get(i);
        return a == 0
                ? Optional.empty()
                : Optional.of(new Coefficient(BigInteger.valueOf(a), BigInteger.valueOf(total())));
    }

    /** Such as {@code 1/3 food + 2/3 animals}. */
    public String describe(List<String> names) {
        List<String> terms = new ArrayList<>();
        for (int i : members()) {
            String k = coefficient(i).orElseThrow().toString();
            terms.add(k.equals("1") ? names.get(i) : k + " " + names.get(i));
        }
        return String.join(" + ", terms);
    }
}
