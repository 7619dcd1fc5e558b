package org.diffusionsoup.core.diff;

/**
 * What is added up over pairs of elements a and b, and base c where there is one.
 *
 * @param aa sum of a²
 * @param bb sum of b²
 * @param dd sum of (a − b)²
 * @param maxAbs largest |a − b|
 * @param ac sum of (a − c)²
 * @param bc sum of (b − c)²
 * @param dot sum of (a − c)(b − c)
 * @param nonFinite pairs left out because one is NaN or infinite
 * @param unequal whether any stored value differs
 */
public record Sums(
        double aa,
        double bb,
        double dd,
        double maxAbs,
        double ac,
        double bc,
        double dot,
        long nonFinite,
        boolean unequal) {
    /** Over no elements. */
    public static final Sums ZERO = new Sums(0, 0, 0, 0, 0, 0, 0, 0, false);

    /** Over the elements of both. */
    public Sums plus(Sums o) {
        return new Sums(
                aa + o.aa,
                bb + o.bb,
                dd + o.dd,
                Math.max(maxAbs, o.maxAbs),
                ac + o.ac,
                bc + o.bc,
                dot + o.dot,
                nonFinite + o.nonFinite,
                unequal || o.unequal);
    }

    /** ‖a − b‖ / ‖a‖; 0 where they are equal, infinite where only a is all zeros. */
    public double relative() {
        return dd == 0 ? 0 : Math.sqrt(dd / aa);
    }

    /** Cosine of the angle between a − c and b − c; NaN where one of them is zero. */
    public double cosine() {
        return dot / (Math.sqrt(ac) * Math.sqrt(bc));
    }
}
