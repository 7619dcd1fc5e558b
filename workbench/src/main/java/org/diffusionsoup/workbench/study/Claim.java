package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SequencedMap;
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

    /**
     * What a judge's scores, or a number, say.
     *
     * @param judge or what the number is of; empty where there is one of it
     * @param here the difference or the number, with its interval
     */
    record Finding(String judge, String here, Verdict verdict) {}

    /** What results must show. */
    sealed interface Check {
        /** What is compared, such as "uniform − paragon"; empty for numbers. */
        String compared();

        /** One finding per judge, or one per number. */
        List<Finding> of(StudyFiles files, String study);
    }

    /**
     * The mean of each of some models is above, or below, that of each of others, by every judge of
     * a list.
     *
     * @param models what the claim is about: a difference is the mean of one of them less the mean
     *     of one of the others, whichever way the claim goes
     * @param peak whether of the others the one with the highest mean is meant, by each judge
     * @param margin that a difference may go the other way and still count as none; with one, the
     *     claim is that the models are level
     */
    record Compared(
            List<String> models,
            boolean above,
            List<String> others,
            boolean peak,
            List<String> judges,
            Optional<Double> margin)
            implements Check {
        /**
         * One model's mean less another's.
         *
         * @param names who they are, where that is not said by {@link #compared}
         */
        private record Difference(Interval less, String names) {
            /** The same as large if it speaks for the claim: its lowest speaks most against it. */
            Interval towards(boolean above) {
                return above
                        ? less
                        : new Interval(
                                -less.estimate(), -less.high(), -less.low(), less.confidence());
            }
        }

        @Override
        public String compared() {
            return several("", models) + " − " + several(peak ? "the peak" : "", others);
        }

        private static String several(String one, List<String> names) {
            if (names.size() == 1) {
                return names.getFirst();
            }
            return (one.isEmpty() ? "each" : one) + " of " + names.size();
        }

        @Override
        public List<Finding> of(StudyFiles files, String study) {
            StudyResults results = files.results(study);
            return judges.stream().map(judge -> finding(results, judge)).toList();
        }

        private Finding finding(StudyResults results, String judge) {
            List<Difference> differences = new ArrayList<>();
            for (String model : models) {
                for (String other : peak ? List.of(highest(results, judge)) : others) {
                    differences.add(
                            new Difference(
                                    results.difference(judge, model, other), names(model, other)));
                }
            }
            Difference least =
                    differences.stream()
                            .min(Comparator.comparingDouble(d -> d.towards(above).estimate()))
                            .orElseThrow();
            Interval d = least.less();
            String here =
                    String.format(
                            Locale.ROOT, "%+.3f [%.3f, %.3f]", d.estimate(), d.low(), d.high());
            return new Finding(
                    judge,
                    least.names().isEmpty() ? here : here + " (" + least.names() + ")",
                    verdict(differences.stream().map(x -> x.towards(above)).toList()));
        }

        private String highest(StudyResults results, String judge) {
            return others.stream()
                    .max(Comparator.comparingDouble(o -> results.mean(judge, o).estimate()))
                    .orElseThrow();
        }

        private String names(String model, String other) {
            if (models.size() > 1 && others.size() > 1) {
                return model + " − " + other;
            }
            return models.size() > 1 ? model : others.size() > 1 ? other : "";
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
    }

    /**
     * Numbers of a results file lie above or below a bound.
     *
     * @param pointers by what they are of: to a number, or to an object with estimate, low and high
     * @param less what is taken off before the bound is held against it: a field beside each
     * @param lessIs what that is, for the reader
     */
    record Numeric(
            SequencedMap<String, String> pointers,
            boolean above,
            double bound,
            Optional<String> less,
            String lessIs)
            implements Check {
        @Override
        public String compared() {
            return "";
        }

        @Override
        public List<Finding> of(StudyFiles files, String study) {
            List<Finding> findings = new ArrayList<>();
            pointers.forEach((of, pointer) -> findings.add(finding(files, study, of, pointer)));
            return findings;
        }

        private Finding finding(StudyFiles files, String study, String of, String pointer) {
            Interval i = files.number(study, pointer);
            String here = text(i);
            if (less.isPresent()) {
                Interval off =
                        files.number(
                                study,
                                pointer.substring(0, pointer.lastIndexOf('/') + 1) + less.get());
                here += "; " + lessIs + " " + text(off);
                i =
                        new Interval(
                                i.estimate() - off.estimate(),
                                i.low() - off.high(),
                                i.high() - off.low(),
                                i.confidence());
            }
            Verdict verdict = Verdict.CANNOT_TELL;
            if (above ? i.low() > bound : i.high() < bound) {
                verdict = Verdict.AGREES;
            } else if (above ? i.high() < bound : i.low() > bound) {
                verdict = Verdict.DIFFERS;
            }
            return new Finding(of, here, verdict);
        }

        private static String text(Interval i) {
            return i.low() == i.high()
                    ? String.format(Locale.ROOT, "%.3f", i.estimate())
                    : i.format(3);
        }
    }
}
