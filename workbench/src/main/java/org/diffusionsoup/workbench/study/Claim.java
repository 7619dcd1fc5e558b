package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.eval.Interval;

/**
 * A claim of the paper, and what is looked at to see whether it holds here.
 *
 * @param where in the paper
 * @param says the claim
 * @param paper the paper's figures
 * @param study whose results are looked at; empty where none can be here
 * @param check what they must show; empty where none can be here
 * @param note what a reader should know besides; may be empty
 */
record Claim(
        String where,
        String says,
        String paper,
        Optional<String> study,
        Optional<Check> check,
        String note) {

    /** What a result says of a claim. */
    enum Verdict {
        AGREES,
        DIFFERS,
        CANNOT_TELL;

        String text() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** What a judge's scores say. */
    record Finding(String judge, String here, Verdict verdict) {}

    /** What results must show. */
    sealed interface Check {
        /** One finding per judge, or one of a number. */
        List<Finding> of(StudyFiles files, String study);
    }

    /**
     * A model's mean is above, or below, that of others, by every judge of a list.
     *
     * @param margin that a difference may go the other way and still count as none; with one, the
     *     claim is that the models are level
     */
    record Compared(
            String model,
            boolean above,
            List<String> others,
            List<String> judges,
            Optional<Double> margin)
            implements Check {
        @Override
        public List<Finding> of(StudyFiles files, String study) {
            StudyResults results = files.results(study);
            return judges.stream().map(judge -> finding(results, judge)).toList();
        }

        private Finding finding(StudyResults results, String judge) {
            List<Interval> differences = new ArrayList<>();
            for (String other : others) {
                differences.add(
                        above
                                ? results.difference(judge, model, other)
                                : results.difference(judge, other, model));
            }
            int least = 0;
            for (int i = 1; i < differences.size(); i++) {
                if (differences.get(i).estimate() < differences.get(least).estimate()) {
                    least = i;
                }
            }
            String here = signed(differences.get(least), above);
            if (others.size() > 1) {
                here += " to the closest of %d, %s".formatted(others.size(), others.get(least));
            }
            return new Finding(judge, here, verdict(differences));
        }

        private Verdict verdict(List<Interval> differences) {
            double slack = margin.orElse(0.0);
            if (differences.stream().allMatch(d -> d.low() > -slack)) {
                return Verdict.AGREES;
            }
            return differences.stream().anyMatch(d -> d.high() < -slack)
                    ? Verdict.DIFFERS
                    : Verdict.CANNOT_TELL;
        }

        /** As model less other, whichever way the claim goes. */
        private static String signed(Interval d, boolean above) {
            return above
                    ? String.format(
                            Locale.ROOT, "%+.3f [%.3f, %.3f]", d.estimate(), d.low(), d.high())
                    : String.format(
                            Locale.ROOT, "%+.3f [%.3f, %.3f]", -d.estimate(), -d.high(), -d.low());
        }
    }

    /**
     * A number of a results file lies above or below a bound.
     *
     * @param pointer to a number, or to an object with estimate, low and high
     */
    record Numeric(String pointer, boolean above, double bound) implements Check {
        @Override
        public List<Finding> of(StudyFiles files, String study) {
            Interval i = files.number(study, pointer);
            Verdict verdict = Verdict.CANNOT_TELL;
            if (above ? i.low() > bound : i.high() < bound) {
                verdict = Verdict.AGREES;
            } else if (above ? i.high() < bound : i.low() > bound) {
                verdict = Verdict.DIFFERS;
            }
            String here =
                    i.low() == i.high()
                            ? String.format(Locale.ROOT, "%.3f", i.estimate())
                            : i.format(3);
            return List.of(new Finding("", here, verdict));
        }
    }
}
