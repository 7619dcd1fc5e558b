package org.diffusionsoup.image.png;

import org.diffusionsoup.core.diff.BlockDiff;
import org.diffusionsoup.core.diff.DiffReport;

/**
 * A scale of whole powers of ten that holds the distances of a report.
 *
 * @param low exponent of its lower end
 * @param high exponent of its upper end, above {@code low}
 */
public record LogScale(int low, int high) {
    private static final int MOST = 8;

    /** The scale for the blocks of a report; 1e-4 to 1 where they are all equal. */
    public static LogScale of(DiffReport report) {
        double[] seen =
                report.blocks().stream()
                        .map(BlockDiff::sums)
                        .mapToDouble(s -> s.relative())
                        .filter(r -> r > 0 && Double.isFinite(r))
                        .sorted()
                        .toArray();
        if (seen.length == 0) {
            return new LogScale(-4, 0);
        }
        int high = (int) Math.ceil(Math.log10(seen[seen.length - 1]));
        int low = (int) Math.floor(Math.log10(seen[0]));
        low = Math.max(low, high - MOST);
        return new LogScale(Math.min(low, high - 1), high);
    }

    /** 0 at the lower end and below, 1 at the upper end and above. */
    public double position(double value) {
        return Math.clamp((Math.log10(value) - low) / (high - low), 0.0, 1.0);
    }

    /** A power of ten as text, such as {@code 0.01} or {@code 1e-5}. */
    static String label(int exponent) {
        return switch (exponent) {
            case -3 -> "0.001";
            case -2 -> "0.01";
            case -1 -> "0.1";
            case 0 -> "1";
            case 1 -> "10";
            default -> "1e" + exponent;
        };
    }
}
