package org.diffusionsoup.eval.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.LongFunction;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.EvalException;
import org.junit.jupiter.api.Test;

/** Values of games whose answer is known, or found by going through every order of the players. */
class GameValuesTest {
    private static final int PROMPTS = 12;

    private record Game(int players, LongFunction<double[]> function) implements CoalitionGame {
        @Override
        public double[] scores(long coalition) {
            return function.apply(coalition);
        }
    }

    /** Scores of every coalition and prompt drawn at random, the same for the same seed. */
    private static Game random(int n, long seed) {
        return new Game(
                n,
                c -> new Random(seed * 1_000_003 + c * 7919 + 1).doubles(PROMPTS, -1, 1).toArray());
    }

    private static List<String> names(int n) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            names.add("p" + i);
        }
        return names;
    }

    private static GameValues exact(Game game) {
        return GameValues.of(
                names(game.players()),
                game,
                new ShapleyPlan.Exact(game.players()),
                Bootstrap.seeded(1));
    }

    private static double[] estimates(GameValues v) {
        return v.players().stream().mapToDouble(p -> p.shapley().estimate()).toArray();
    }

    /** The definition: the mean over all orders, each gone through. */
    private static double[] byAllOrders(Game game) {
        int n = game.players();
        double[] sum = new double[n];
        int orders = permute(new ArrayList<>(), n, sum, game);
        return Arrays.stream(sum).map(s -> s / orders).toArray();
    }

    private static int permute(List<Integer> order, int n, double[] sum, Game game) {
        if (order.size() == n) {
            long before = 0;
            for (int i : order) {
                long with = before | 1L << i;
                sum[i] += mean(game.scores(with)) - mean(game.scores(before));
                before = with;
            }
            return 1;
        }
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (!order.contains(i)) {
                order.add(i);
                count += permute(order, n, sum, game);
                order.removeLast();
            }
        }
        return count;
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    @Test
    void randomGamesHaveTheValuesOfAllOrders() {
        for (int n = 1; n <= 6; n++) {
            for (long seed = 0; seed < 3; seed++) {
                Game game = random(n, seed);
                GameValues values = exact(game);
                assertThat(estimates(values)).containsExactly(byAllOrders(game), within(1e-12));
                for (int i = 0; i < n; i++) {
                    PlayerValue p = values.players().get(i);
                    double others = mean(game.scores(game.all() & ~(1L << i)));
                    assertThat(p.leaveOneOut().estimate())
                            .isCloseTo(mean(game.scores(game.all())) - others, within(1e-12));
                    assertThat(p.alone().estimate())
                            .isCloseTo(
                                    mean(game.scores(1L << i)) - mean(game.scores(0)),
                                    within(1e-12));
                    assertThat(p.samplingError()).hasValue(0);
                }
            }
        }
    }

    /** Exact or sampled, nothing is lost and nothing is added. */
    @Test
    void theValuesAddUpToTheGain() {
        for (int n = 1; n <= 10; n++) {
            Game game = random(n, 40 + n);
            List<ShapleyPlan> plans =
                    List.of(new ShapleyPlan.Exact(n), ShapleyPlan.Sampled.of(n, 6, n));
            for (ShapleyPlan plan : plans) {
                GameValues v = GameValues.of(names(n), game, plan, Bootstrap.seeded(1));
                assertThat(Arrays.stream(estimates(v)).sum())
                        .isCloseTo(v.gain().estimate(), within(1e-12));
                assertThat(v.gain().estimate())
                        .isCloseTo(v.all().estimate() - v.base().estimate(), within(1e-12));
            }
        }
    }

    /** v(S) = sum of the members' own numbers: these are the values, whatever the orders. */
    @Test
    void anAdditiveGameGivesEveryoneTheirOwn() {
        double[] own = {3, -1, 0, 0.5, 7, 2};
        Game game =
                new Game(
                        own.length,
                        c -> {
                            double[] scores = new double[PROMPTS];
                            for (int p = 0; p < PROMPTS; p++) {
                                scores[p] = 10 + p;
                                for (int i = 0; i < own.length; i++) {
                                    scores[p] += (c >> i & 1) * own[i];
                                }
                            }
                            return scores;
                        });
        for (ShapleyPlan plan :
                List.of(new ShapleyPlan.Exact(6), ShapleyPlan.Sampled.of(6, 10, 9))) {
            GameValues v = GameValues.of(names(6), game, plan, Bootstrap.seeded(1));
            assertThat(estimates(v)).containsExactly(own, within(1e-12));
            for (PlayerValue p : v.players()) {
                assertThat(p.samplingError().orElseThrow()).isCloseTo(0, within(1e-12));
                assertThat(p.shapley().halfWidth()).isCloseTo(0, within(1e-12)); // paired
                assertThat(p.leaveOneOut().estimate())
                        .isCloseTo(p.shapley().estimate(), within(1e-12));
            }
        }
    }

    /** v(S) = |S|^2: all alike, each n; and a dummy beside them adds nothing. */
    @Test
    void symmetricPlayersAreWorthTheSameAndADummyNothing() {
        Game game =
                new Game(
                        8,
                        c -> {
                            double size = Long.bitCount(c & 0x7f);
                            double[] scores = new double[PROMPTS];
                            Arrays.fill(scores, size * size);
                            return scores;
                        });
        double[] values = estimates(exact(game));
        assertThat(values).containsExactly(new double[] {7, 7, 7, 7, 7, 7, 7, 0}, within(1e-11));
    }

    /** The sampled value is within three standard errors of the exact one, nearly always. */
    @Test
    void sampledValuesAreWithinTheirStatedError() {
        int n = 9;
        int inside = 0;
        int within196 = 0;
        int count = 0;
        for (long seed = 0; seed < 30; seed++) {
            Game game = random(n, 1000 + seed);
            double[] wanted = estimates(exact(game));
            GameValues sampled =
                    GameValues.of(
                            names(n),
                            game,
                            ShapleyPlan.Sampled.of(n, 60, seed),
                            Bootstrap.seeded(1));
            for (int i = 0; i < n; i++) {
                PlayerValue p = sampled.players().get(i);
                assertThat(p.samplingError().orElseThrow()).isPositive();
                double off =
                        Math.abs(p.shapley().estimate() - wanted[i])
                                / p.samplingError().orElseThrow();
                inside += off < 3.5 ? 1 : 0;
                within196 += off < 2.05 ? 1 : 0; // t of 29 degrees of freedom
                count++;
            }
        }
        assertThat(inside).isGreaterThanOrEqualTo(count - 2);
        assertThat((double) within196 / count).isBetween(0.90, 0.99);
    }

    /** Two pairs that agree by chance would show an error of 0, however far both are off. */
    @Test
    void anErrorIsStatedOfFivePairsOnAndEveryCoalitionGivesTheExactValues() {
        Game five = random(5, 12);
        for (int permutations : new int[] {4, 6, 8, 10}) {
            ShapleyPlan few = ShapleyPlan.Sampled.of(5, permutations, 3);
            for (PlayerValue p :
                    GameValues.of(names(5), five, few, Bootstrap.seeded(1)).players()) {
                assertThat(p.samplingError().isPresent()).isEqualTo(permutations >= 10);
            }
        }
        // Pairs of three players name all eight coalitions; of five, enough pairs name all 32.
        Game three = random(3, 5);
        ShapleyPlan plan = ShapleyPlan.sampled(3, 4, 0);
        assertThat(plan).isEqualTo(new ShapleyPlan.Exact(3));
        assertThat(estimates(GameValues.of(names(3), three, plan, Bootstrap.seeded(1))))
                .containsExactly(byAllOrders(three), within(1e-12));
        assertThat(ShapleyPlan.sampled(5, 200, 1)).isEqualTo(new ShapleyPlan.Exact(5));
        assertThat(ShapleyPlan.sampled(5, 4, 1)).isEqualTo(ShapleyPlan.Sampled.of(5, 4, 1));
        assertThat(ShapleyPlan.sampled(40, 4, 1)).isInstanceOf(ShapleyPlan.Sampled.class);
    }

    @Test
    void theIntervalIsThatOfThePromptsValues() {
        Game game = random(4, 77);
        double[][] perPrompt = new double[4][PROMPTS];
        for (int p = 0; p < PROMPTS; p++) {
            int prompt = p;
            Game one = new Game(4, c -> new double[] {game.scores(c)[prompt]});
            double[] values = byAllOrders(one);
            for (int i = 0; i < 4; i++) {
                perPrompt[i][p] = values[i];
            }
        }
        GameValues v = exact(game);
        for (int i = 0; i < 4; i++) {
            var wanted = Bootstrap.seeded(1).mean(perPrompt[i]);
            assertThat(v.players().get(i).shapley().low()).isCloseTo(wanted.low(), within(1e-12));
            assertThat(v.players().get(i).shapley().high()).isCloseTo(wanted.high(), within(1e-12));
        }
    }

    @Test
    void plansAskForEveryCoalitionOnceAndForWhatTheyNeed() {
        var gray = new ShapleyPlan.Exact(7).coalitions();
        assertThat(gray).hasSize(128).contains(0L, 127L);
        long before = 0;
        for (long c : gray) {
            assertThat(Long.bitCount(c ^ before)).isLessThanOrEqualTo(1);
            before = c;
        }
        ShapleyPlan plan = ShapleyPlan.Sampled.of(40, 8, 3);
        Set<Long> asked = new HashSet<>();
        GameValues.of(
                names(40),
                new Game(
                        40,
                        c -> {
                            asked.add(c);
                            return new double[] {c, 1};
                        }),
                plan,
                Bootstrap.seeded(1));
        assertThat(plan.coalitions()).containsExactlyInAnyOrderElementsOf(asked);
        assertThat(ShapleyPlan.Sampled.of(40, 8, 3)).isEqualTo(plan);
        assertThat(ShapleyPlan.Sampled.of(40, 8, 4)).isNotEqualTo(plan);
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> new ShapleyPlan.Exact(21))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("sample permutations");
        for (int permutations : new int[] {0, 2, 5}) {
            assertThatThrownBy(() -> ShapleyPlan.Sampled.of(5, permutations, 0))
                    .isInstanceOf(EvalException.class)
                    .hasMessageContaining("must be an even number of at least 4");
        }
        assertThatThrownBy(() -> ShapleyPlan.Sampled.of(63, 4, 0))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("62");
    }
}
