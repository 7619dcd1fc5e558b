package org.diffusionsoup.workbench.search;

import org.diffusionsoup.core.Decimals;
import org.diffusionsoup.core.search.Improvement;

/** Numbers of searches as text. */
public final class SearchText {
    private static final int DIGITS = 4;

    private SearchText() {}

    /** Such as {@code +0.0123 [-0.0010, +0.0250]}. */
    public static String difference(Improvement i) {
        String estimate = Decimals.signed(i.difference(), DIGITS);
        return Double.isInfinite(i.low())
                ? estimate
                : "%s [%s, %s]"
                        .formatted(
                                estimate,
                                Decimals.signed(i.low(), DIGITS),
                                Decimals.signed(i.high(), DIGITS));
    }
}
