package org.diffusionsoup.bench;

import java.util.Arrays;
import java.util.List;

/**
 * How resident memory went over a run, in MiB, after the warm-up.
 *
 * @param steps measured, one sample each
 * @param min smallest sample
 * @param median middle sample
 * @param max largest sample
 * @param driftPercent median of the last tenth of the samples against that of the first tenth
 * @param spreadPercent largest distance of any sample from the median
 */
public record ResidentMemory(
        int steps,
        double min,
        double median,
        double max,
        double driftPercent,
        double spreadPercent) {
    /** What counts as flat: drift and spread within ±2 %. */
    public static final double TOLERANCE_PERCENT = 2;

    private static final double MIB = 1024 * 1024;

    /**
     * Sums up samples.
     *
     * @param bytes one sample per step after the warm-up, at least one
     */
    static ResidentMemory of(List<Long> bytes) {
        double[] mib = bytes.stream().mapToDouble(b -> b / MIB).toArray();
        int tenth = Math.max(1, mib.length / 10);
        double first = median(Arrays.copyOfRange(mib, 0, tenth));
        double last = median(Arrays.copyOfRange(mib, mib.length - tenth, mib.length));
        double middle = median(mib);
        double min = Arrays.stream(mib).min().orElseThrow();
        double max = Arrays.stream(mib).max().orElseThrow();
        return new ResidentMemory(
                mib.length,
                min,
                middle,
                max,
                100 * (last - first) / first,
                100 * Math.max(max - middle, middle - min) / middle);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /** Whether neither drift nor spread leaves the tolerance. */
    public boolean isFlat() {
        return Math.abs(driftPercent) <= TOLERANCE_PERCENT && spreadPercent <= TOLERANCE_PERCENT;
    }
}
