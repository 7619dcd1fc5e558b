package org.diffusionsoup.core.soup;

import java.util.Arrays;

/**
 * A soup in terms of what a {@link RunningSoup} has in memory: the sum and {@code extra} times the
 * held ingredient, over {@code total}; of a single member, the held ingredient alone.
 *
 * @param a coefficients of the ingredients, on the sum's scale unless there is one member
 * @param held whose elements are held; -1 for nobody's
 * @param extra what the held one counts beyond the sum
 * @param total of all coefficients
 * @param isSingle whether there is one member
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record FormedSoup(int[] a, int held, int extra, long total, boolean isSingle) {
    static FormedSoup of(int[] a, int held, int extra) {
        return new FormedSoup(
                a,
                held,
                extra,
                Arrays.stream(a).asLongStream().sum(),
                Arrays.stream(a).filter(k -> k > 0).count() == 1);
    }
}
