package org.diffusionsoup.workbench.search;

import java.util.Locale;
import org.diffusionsoup.core.search.Improvement;

/** Numbers of searches as text. */
public final class SearchText {
    private SearchText() {}

    /** Such as {@code +0.0123 [-0.0010, +0.0250]}. */
    public static String difference(Improvement i) {
        String estimate = String.format(Locale.ROOT, "%+.4f", i.difference());
        return Double.isInfinite(i.low())
                ? estimate
                : estimate + String.format(Locale.ROOT, " [%+.4f, %+.4f]", i.low(), i.high());
    }
}
