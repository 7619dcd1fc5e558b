package org.diffusionsoup.core.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.search.Improvement.Verdict;
import org.junit.jupiter.api.Test;

/** The set methods against a second, plain implementation on random set functions. */
class SearchMethodsTest {
    private static final int FUNCTIONS = 700;

    /** The mean score of a uniform soup of these ingredients. */
    private static double f(SyntheticScorer s, Set<Integer> members) {
        List<Integer> shares = new ArrayList<>(Collections.nCopies(s.n, 0));
        members.forEach(i -> shares.set(i, 1));
        double sum = 0;
        double[] v = s.value(shares);
        for (double x : v) {
            sum += x;
        }
        return sum / v.length;
    }

    /** Selection sort by score, the first of equal ones first. */
    private static List<Integer> order(SyntheticScorer s, boolean rising) {
        List<Integer> left = new ArrayList<>();
        for (int i = 0; i < s.n; i++) {
            left.add(i);
        }
        List<Integer> order = new ArrayList<>();
        while (!left.isEmpty()) {
            int chosen = left.getFirst();
            for (int i : left) {
                double mine = f(s, Set.of(i));
                double its = f(s, Set.of(chosen));
                if (rising ? mine < its : mine > its) {
                    chosen = i;
                }
            }
            order.add(chosen);
            left.remove((Integer) chosen);
        }
        return order;
    }

    private static Set<Integer> greedy(SyntheticScorer s) {
        Set<Integer> kept = new HashSet<>();
        for (int i : order(s, false)) {
            Set<Integer> more = new HashSet<>(kept);
            more.add(i);
            if (kept.isEmpty() || f(s, more) > f(s, kept)) {
                kept = more;
            }
        }
        return kept;
    }

    private static Set<Integer> reverseGreedy(SyntheticScorer s) {
        Set<Integer> kept = new HashSet<>(order(s, true));
        for (int i : order(s, true)) {
            Set<Integer> fewer = new HashSet<>(kept);
            fewer.remove(i);
            if (!fewer.isEmpty() && f(s, fewer) > f(s, kept)) {
                kept = fewer;
            }
        }
        return kept;
    }

    private static Set<Integer> leaveOneOut(SyntheticScorer s) {
        Set<Integer> all = new HashSet<>(order(s, true));
        Set<Integer> best = all;
        for (int i = 0; i < s.n; i++) {
            Set<Integer> fewer = new HashSet<>(all);
            fewer.remove(i);
            if (f(s, fewer) > f(s, best)) {
                best = fewer;
            }
        }
        return best;
    }

    private interface Plain {
        Set<Integer> choose(SyntheticScorer s);
    }

    private static void check(SearchMethod method, Plain plain, int least) {
        SplittableRandom random = new SplittableRandom(41);
        int ties = 0;
        for (int k = 0; k < FUNCTIONS; k++) {
            int n = random.nextInt(least, 9);
            int prompts = random.nextInt(1, 6);
            int levels = random.nextInt(3) == 0 ? 1_000_000 : random.nextInt(2, 5);
            SyntheticScorer s = new SyntheticScorer(n, prompts, k, levels);
            SearchResult r = method.run(ScoreBook.of(s, s));
            assertThat(new HashSet<>(r.best().candidate().members()))
                    .as("function %d of %d ingredients", k, n)
                    .isEqualTo(plain.choose(s));
            assertThat(r.best().mean()).isEqualTo(f(s, plain.choose(s)));
            assertThat(s.asked).as("asked once each").doesNotHaveDuplicates();
            for (SearchStep step : r.steps()) {
                ties += step.change().verdict() == Verdict.TIE ? 1 : 0;
                boolean better = step.candidate().mean() > step.incumbent().mean();
                assertThat(step.accepted())
                        .isEqualTo(
                                method instanceof LeaveOneOut
                                        ? better && step.candidate().equals(r.best()) // one of them
                                        : better);
            }
        }
        assertThat(ties).as("ties among the functions").isGreaterThan(100);
    }

    @Test
    void greedyIsThePlainOne() {
        check(new Greedy(), SearchMethodsTest::greedy, 1);
    }

    @Test
    void reverseGreedyIsThePlainOne() {
        check(new ReverseGreedy(), SearchMethodsTest::reverseGreedy, 1);
    }

    @Test
    void leaveOneOutIsThePlainOne() {
        check(new LeaveOneOut(), SearchMethodsTest::leaveOneOut, 2);
    }

    @Test
    void greedyAsksFor2nMinus1AndReverseForAtMost2nPlus1() {
        SyntheticScorer s = new SyntheticScorer(9, 3, 5, 1000);
        assertThat(new Greedy().run(ScoreBook.of(s, s)).evaluations()).hasSize(17);
        SyntheticScorer t = s.again();
        assertThat(new ReverseGreedy().run(ScoreBook.of(t, t)).evaluations().size())
                .isBetween(18, 19);
    }

    @Test
    void methodsScoreAsManyCandidatesAsIsSaidBefore() {
        SplittableRandom random = new SplittableRandom(43);
        for (String name : SearchMethods.NAMES) {
            for (int n = name.equals("greedy") || name.equals("reverse-greedy") ? 1 : 2;
                    n < 6;
                    n++) {
                int budget = SearchMethods.budget(name);
                Bounds said = SearchMethods.candidates(name, n, budget);
                Set<Long> seen = new HashSet<>();
                for (int k = 0; k < 300; k++) {
                    SyntheticScorer s =
                            new SyntheticScorer(n, 1, random.nextInt(), random.nextInt(1, 1000));
                    ScoreBook book =
                            new ScoreBook(
                                    s,
                                    s,
                                    Optional.empty(),
                                    Acceptance.ANY_IMPROVEMENT,
                                    budget,
                                    ScoreBook.Listener.NONE);
                    seen.add((long) SearchMethods.named(name).run(book).evaluations().size());
                }
                long least = Collections.min(seen);
                long most = Collections.max(seen);
                assertThat(said.least())
                        .as("%s of %d: %s", name, n, seen)
                        .isLessThanOrEqualTo(least);
                if (!name.equals("simplex")) { // whose path is too long to know its ends
                    assertThat(new Bounds(least, most)).as("%s of %d", name, n).isEqualTo(said);
                }
                assertThat(said.most()).isGreaterThanOrEqualTo(most);
            }
        }
        assertThat(SearchMethods.candidates("greedy", 9, 10)).isEqualTo(Bounds.exactly(10));
        assertThat(SearchMethods.candidates("simplex", 4, 50)).isEqualTo(new Bounds(3, 50));
    }

    /** Scores that are the plain table's, for candidates of two ingredients. */
    private record Table(double[] first, double[] second, double[] both) implements Scorer {
        @Override
        public java.util.SortedMap<String, String> identity() {
            return new java.util.TreeMap<>();
        }

        @Override
        public double[] score(Candidate c, CandidateWeights weights) {
            return c.members().size() == 2 ? both : c.members().getFirst() == 0 ? first : second;
        }
    }

    private static SearchResult greedy(Table t, Acceptance acceptance) {
        SyntheticScorer two = new SyntheticScorer(2, 1, 0, 2);
        return new Greedy()
                .run(
                        new ScoreBook(
                                two, t, Optional.empty(), acceptance, 10, ScoreBook.Listener.NONE));
    }

    @Test
    void anImprovementWithinNoiseIsTakenOrRefusedByTheAcceptanceAndSaidToBe() {
        Table noisy =
                new Table(
                        new double[] {1, 2, 3, 4},
                        new double[] {0, 0, 0, 0},
                        new double[] {4, 1, 4, 1.5});
        SearchResult any = greedy(noisy, Acceptance.ANY_IMPROVEMENT);
        assertThat(any.best().candidate().members()).containsExactly(0, 1);
        assertThat(any.steps().getFirst().change().verdict()).isEqualTo(Verdict.WITHIN_NOISE);
        assertThat(any.steps().getFirst().remark()).contains("accepted", "confidence interval");
        SearchResult clear = greedy(noisy, Acceptance.CLEAR_IMPROVEMENT);
        assertThat(clear.best().candidate().members()).containsExactly(0);
        assertThat(clear.steps().getFirst().remark()).contains("not taken", "confidence interval");
        Table sure =
                new Table(
                        new double[] {1, 2, 3, 4},
                        new double[] {0, 0, 0, 0},
                        new double[] {1.5, 2.5, 3.25, 4.5});
        SearchResult taken = greedy(sure, Acceptance.CLEAR_IMPROVEMENT);
        assertThat(taken.best().candidate().members()).containsExactly(0, 1);
        assertThat(taken.steps().getFirst().change().low()).isPositive();
        assertThat(taken.steps().getFirst().remark()).isEmpty();
    }

    @Test
    void aTieIsNoImprovement() {
        double[] same = {1, 2};
        for (Acceptance a : Acceptance.values()) {
            SearchResult r = greedy(new Table(same, same, new double[] {2, 1}), a);
            assertThat(r.best().candidate().members()).containsExactly(0);
            assertThat(r.steps().getFirst().remark()).contains("tie");
        }
    }

    @Test
    void oneScoreTellsNothingAboutChance() {
        Table t = new Table(new double[] {1}, new double[] {0}, new double[] {9});
        assertThat(greedy(t, Acceptance.CLEAR_IMPROVEMENT).best().candidate().members())
                .containsExactly(0);
        assertThat(greedy(t, Acceptance.ANY_IMPROVEMENT).best().candidate().members())
                .containsExactly(0, 1);
    }

    /** The squared distance from a wanted mixture, below zero. */
    private static final class Distance implements Scorer {
        private final double[] wanted;
        int asked;

        Distance(double... wanted) {
            this.wanted = wanted;
        }

        @Override
        public java.util.SortedMap<String, String> identity() {
            return new java.util.TreeMap<>();
        }

        @Override
        public double[] score(Candidate c, CandidateWeights weights) {
            asked++;
            double sum = 0;
            for (int i = 0; i < wanted.length; i++) {
                double d = c.shares().get(i) / (double) c.total() - wanted[i];
                sum -= d * d;
            }
            return new double[] {sum, sum};
        }
    }

    @Test
    void coordinateDescentFindsAMixture() {
        Distance d = new Distance(0.5, 0.25, 0.2, 0.05);
        SyntheticScorer four = new SyntheticScorer(4, 1, 0, 2);
        SearchMethod method = new SimplexSearch(new CoordinateDescent(), 1);
        SearchResult r = method.run(ScoreBook.of(four, d));
        assertThat(r.best().mean()).isGreaterThan(-1e-3);
        assertThat(r.note()).isEmpty();
        assertThat(r.scored()).isEqualTo(d.asked).isEqualTo(r.evaluations().size());
    }

    @Test
    void theBudgetEndsASimplexSearchWithItsBest() {
        SyntheticScorer four = new SyntheticScorer(4, 1, 0, 2);
        Distance d = new Distance(0.5, 0.25, 0.2, 0.05);
        SearchResult r =
                new SimplexSearch(new CoordinateDescent(), 1)
                        .run(
                                new ScoreBook(
                                        four,
                                        d,
                                        Optional.empty(),
                                        Acceptance.ANY_IMPROVEMENT,
                                        7,
                                        ScoreBook.Listener.NONE));
        assertThat(d.asked).isEqualTo(7);
        assertThat(r.note()).contains("budget");
        assertThat(r.best().mean())
                .isEqualTo(
                        r.evaluations().stream().mapToDouble(Evaluation::mean).max().orElseThrow());
    }

    @Test
    void aSetMethodThatNeedsMoreThanItsBudgetSaysSo() {
        SyntheticScorer s = new SyntheticScorer(3, 2, 0, 9);
        assertThatThrownBy(() ->
                        new Greedy()
                                .run(
                                        new ScoreBook(
                                                s,
                                                s,
                                                Optional.empty(),
                                                Acceptance.ANY_IMPROVEMENT,
                                                4,
                                                ScoreBook.Listener.NONE)))
                .isInstanceOf(BudgetSpentException.class)
                .hasMessageContaining("4 evaluations");
    }

    @Test
    void softmaxCoordinatesBecomeShares() {
        assertThat(SimplexSearch.candidate(new double[] {0, 0, 0})).isEqualTo(Candidate.uniform(3));
        assertThat(SimplexSearch.candidate(new double[] {Math.log(2), 0}).shares())
                .containsExactly(2, 1);
        assertThat(SimplexSearch.candidate(new double[] {-9, 0}).shares()).containsExactly(0, 1);
        assertThat(SimplexSearch.candidate(new double[] {-9, -8}).shares()).containsExactly(0, 1);
    }

    @Test
    void candidatesAreInLowestTerms() {
        assertThat(new Candidate(List.of(4, 0, 6)).shares()).containsExactly(2, 0, 3);
        assertThat(new Candidate(List.of(4, 0, 6)).describe(List.of("a", "b", "c")))
                .isEqualTo("2/5 a + 3/5 c");
        assertThat(Candidate.single(2, 1).describe(List.of("a", "b"))).isEqualTo("b");
        assertThatThrownBy(() -> new Candidate(List.of(0, 0))).isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> new Candidate(List.of(1, -1))).isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> Candidate.single(2, 0).without(0))
                .isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> Candidate.single(2, 0).with(0)).isInstanceOf(SoupException.class);
    }

    @Test
    void aScorerThatFailsIsNamed() {
        SyntheticScorer two = new SyntheticScorer(2, 1, 0, 2);
        Table nan = new Table(new double[] {Double.NaN}, new double[] {0}, new double[] {1});
        assertThatThrownBy(() -> new Greedy().run(ScoreBook.of(two, nan)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("NaN for i0");
        Table ragged = new Table(new double[] {1, 2}, new double[] {0}, new double[] {1});
        assertThatThrownBy(() -> new Greedy().run(ScoreBook.of(two, ragged)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("2 scores", "1");
    }
}
