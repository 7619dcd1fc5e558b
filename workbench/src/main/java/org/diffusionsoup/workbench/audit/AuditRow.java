package org.diffusionsoup.workbench.audit;

import java.util.List;
import org.diffusionsoup.core.Decimals;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ProportionDifference;

/**
 * One model in a comparison of audits.
 *
 * @param against how the pictures it was held against were named
 * @param audit the pictures, the threshold and the prompts
 * @param result what came of it
 */
public record AuditRow(String against, MemorizationAudit audit, MemorizationAudit.Result result) {
    private static final double CONFIDENCE = 0.95;

    /**
     * A difference of two rates of near copies.
     *
     * @param interval 95 %, by Newcombe's methods
     * @param paired whether both models were held against the same pictures, so that picture by
     *     picture could be compared
     */
    public record Difference(Interval interval, boolean paired) {
        /** In per cent, with the interval, and how it was compared. */
        public String text() {
            return String.format(
                    "%s [%s, %s] %% %s",
                    Decimals.signed(100 * interval.estimate(), 1),
                    Decimals.signed(100 * interval.low(), 1),
                    Decimals.signed(100 * interval.high(), 1),
                    paired ? "paired" : "unpaired");
        }
    }

    /** Interval of the rate of near copies. */
    public Interval rate() {
        return result.copies().interval(CONFIDENCE);
    }

    /**
     * This model's rate of near copies less another's: paired by prompt where both drew the same
     * prompts and were held against the same pictures, otherwise not.
     */
    public Difference minus(AuditRow other) {
        boolean same =
                audit.shard().sha256().equals(other.audit.shard().sha256())
                        && audit.drawn().equals(other.audit.drawn());
        Interval interval =
                same
                        ? ProportionDifference.paired(copies(), other.copies(), CONFIDENCE)
                        : ProportionDifference.unpaired(
                                result.copies(), other.result.copies(), CONFIDENCE);
        return new Difference(interval, same);
    }

    private List<Boolean> copies() {
        return result.nearest().stream().map(d -> d < audit.threshold()).toList();
    }
}
