package org.diffusionsoup.workbench.audit;

import java.util.ArrayList;
import java.util.List;

/**
 * The models whose rate of near copies is not within a bound, by name, each once.
 *
 * @param above those that are above it even at the lower end of their 95 % interval
 * @param open those that may be: their interval holds the bound
 */
public record AuditVerdict(List<String> above, List<String> open) {
    /** Takes copies of its lists. */
    public AuditVerdict {
        above = List.copyOf(above);
        open = List.copyOf(open);
    }

    /**
     * Of all results together; a model that was held against several shards is above if it is by
     * one of them.
     *
     * @param results whatever was audited
     * @param bound the highest rate that passes, 0 to 1
     */
    public static AuditVerdict of(List<MemorizationAudit.Result> results, double bound) {
        List<String> above = new ArrayList<>();
        List<String> open = new ArrayList<>();
        for (MemorizationAudit.Result r : results) {
            if (!r.isWithin(bound)) {
                (r.isAbove(bound) ? above : open).add(r.model());
            }
        }
        open.removeAll(above);
        return new AuditVerdict(
                above.stream().distinct().toList(), open.stream().distinct().toList());
    }

    /** Whether every rate is within the bound. */
    public boolean passes() {
        return above.isEmpty() && open.isEmpty();
    }

    /**
     * What "the rate of near copies" does; empty if all pass.
     *
     * @param bound what the bound is called
     */
    public String sentence(String bound) {
        List<String> told = new ArrayList<>();
        if (!above.isEmpty()) {
            told.add("lies above " + bound + " for " + String.join(", ", above));
        }
        if (!open.isEmpty()) {
            told.add(
                    "may lie above %s for %s"
                            .formatted(above.isEmpty() ? bound : "it", String.join(", ", open)));
        }
        return String.join(", and ", told);
    }
}
