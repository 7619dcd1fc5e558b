package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Newcombe's intervals, against published numbers and by how often they cover the truth. */
class ProportionDifferenceTest {
    private static Interval unpaired(int a, int ofA, int b, int ofB) {
        return ProportionDifference.unpaired(new Proportion(a, ofA), new Proportion(b, ofB), 0.95);
    }

    private static Interval paired(int both, int onlyA, int onlyB, int neither) {
        List<Boolean> a = new ArrayList<>();
        List<Boolean> b = new ArrayList<>();
        int[] counts = {both, onlyA, onlyB, neither};
        for (int cell = 0; cell < counts.length; cell++) {
            a.addAll(Collections.nCopies(counts[cell], cell < 2));
            b.addAll(Collections.nCopies(counts[cell], cell % 2 == 0));
        }
        return ProportionDifference.paired(a, b, 0.95);
    }

    private static void is(Interval i, double estimate, double low, double high) {
        assertThat(i.estimate()).isCloseTo(estimate, within(5e-5));
        assertThat(i.low()).isCloseTo(low, within(5e-5));
        assertThat(i.high()).isCloseTo(high, within(5e-5));
    }

    /** Newcombe 1998, the first of the two papers, Table II. */
    @Test
    void independentSharesAsPublished() {
        is(unpaired(56, 70, 48, 80), 0.2, 0.0524, 0.3339);
        is(unpaired(9, 10, 3, 10), 0.6, 0.1705, 0.8090);
    }

    /** Fagerland, Lydersen, Laake: Statistical Analysis of Contingency Tables, Cavo's patients. */
    @Test
    void pairedSharesAsPublished() {
        is(paired(59, 6, 16, 80), -0.0621, -0.1186, -0.0046);
    }

    @Test
    void twoSharesOfZeroAreNotKnownToBeEqual() {
        Interval none = unpaired(0, 20, 0, 20);
        assertThat(none.estimate()).isZero();
        assertThat(none.high()).isBetween(0.1, 0.2);
        assertThat(none.low()).isEqualTo(-none.high());
        Interval pairs = paired(0, 0, 0, 20);
        assertThat(pairs.low()).isEqualTo(none.low());
        assertThat(pairs.high()).isEqualTo(none.high());
        assertThat(unpaired(5, 5, 0, 5).high()).isLessThanOrEqualTo(1);
    }

    @Test
    void turnedRoundItIsTheSameIntervalFromTheOtherSide() {
        Interval there = paired(12, 9, 2, 21);
        Interval back = paired(12, 2, 9, 21);
        is(back, -there.estimate(), -there.high(), -there.low());
    }

    @Test
    void pairsThatMostlyAgreeAreToldApartBetter() {
        Interval pairs = paired(40, 8, 0, 52);
        Interval apart = unpaired(48, 100, 40, 100);
        assertThat(pairs.estimate()).isCloseTo(apart.estimate(), within(1e-12));
        assertThat(pairs.halfWidth()).isLessThan(0.6 * apart.halfWidth());
        assertThat(pairs.contains(0)).isFalse();
        assertThat(apart.contains(0)).isTrue();
    }

    /** Rates of near copies as audits find them: small, of some dozens, mostly in agreement. */
    @Test
    void aPairedIntervalCoversTheTruthAboutAsOftenAsItSays() {
        SplittableRandom random = new SplittableRandom(11);
        double both = 0.05;
        double onlyA = 0.08;
        double onlyB = 0.02;
        int covered = 0;
        for (int run = 0; run < 1500; run++) {
            int[] counts = new int[4];
            for (int i = 0; i < 60; i++) {
                double u = random.nextDouble();
                counts[u < both ? 0 : u < both + onlyA ? 1 : u < both + onlyA + onlyB ? 2 : 3]++;
            }
            covered +=
                    paired(counts[0], counts[1], counts[2], counts[3]).contains(onlyA - onlyB)
                            ? 1
                            : 0;
        }
        assertThat(covered / 1500.0).isBetween(0.93, 0.99);
    }

    @Test
    void listsOfDifferentLengthsAreRefused() {
        assertThatThrownBy(() ->
                        ProportionDifference.paired(List.of(true), List.of(true, false), 0.95))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("1 and 2");
    }
}
