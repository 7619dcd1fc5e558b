package org.diffusionsoup.eval.value;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.SplittableRandom;
import org.diffusionsoup.eval.EvalException;

/**
 * Which coalitions have to be scored, and how Shapley values come from them.
 *
 * <p>The Shapley value of player i is the mean, over all n! orders in which the players may come
 * in, of what i adds to those before it (Shapley 1953). {@link Exact} asks for all 2^n coalitions;
 * {@link Sampled} for those of some orders, in antithetic pairs: an order and its reverse (Mitchell
 * et al. 2022, "Sampling Permutations for Shapley Value Estimation"), so that a player that comes
 * early once comes late once.
 */
public sealed interface ShapleyPlan {
    /** Most players whose coalitions are all scored unless told otherwise. */
    int MOST_EXACT = 10;

    /** How many players there are. */
    int players();

    /**
     * The plan for so many permutations: exact where they need every coalition anyway.
     *
     * @param permutations an even number, at least 4
     * @param seed of their choice
     */
    static ShapleyPlan sampled(int players, int permutations, long seed) {
        Sampled some = Sampled.of(players, permutations, seed);
        boolean all = players <= Exact.MOST && some.coalitions().size() == 1 << players;
        return all ? new Exact(players) : some;
    }

    /**
     * The coalitions to score, each once, in an order in which neighbours differ little: the empty
     * one, that of all, those without one player and of one player alone are always among them.
     */
    SequencedSet<Long> coalitions();

    /** All 2^n coalitions, in Gray's order: each differs from the one before by one player. */
    record Exact(int players) implements ShapleyPlan {
        static final int MOST = 20;

        /**
         * @throws EvalException if there are more than 20 players, or none
         */
        public Exact {
            if (players < 1 || players > MOST) {
                throw new EvalException(
                        "All coalitions are scored for 1 to %d players, not %d; sample permutations instead."
                                .formatted(MOST, players));
            }
        }

        @Override
        public SequencedSet<Long> coalitions() {
            SequencedSet<Long> all = new LinkedHashSet<>();
            for (long i = 0; i < 1L << players; i++) {
                all.add(i ^ (i >>> 1));
            }
            return all;
        }
    }

    /**
     * Some orders, each followed by its reverse.
     *
     * @param orders of the players 0 to n - 1, an even number of them, at least 4
     */
    record Sampled(int players, List<List<Integer>> orders) implements ShapleyPlan {
        /** Fewest pairs whose spread is a standard error: two that agree by chance show none. */
        public static final int PAIRS_FOR_AN_ERROR = 5;

        /** Whether there are pairs enough to say how far the choice of orders may have led. */
        public boolean hasError() {
            return orders.size() / 2 >= PAIRS_FOR_AN_ERROR;
        }

        /**
         * @throws EvalException if there are under two pairs
         */
        public Sampled {
            CoalitionGame.all(players);
            orders = orders.stream().map(List::copyOf).toList();
            if (orders.size() < 4 || orders.size() % 2 != 0) {
                throw new EvalException(
                        "`permutations` must be an even number of at least 4, as they are sampled in pairs, not %d."
                                .formatted(orders.size()));
            }
        }

        /**
         * Draws orders at random.
         *
         * @param permutations how many, an even number, at least 4
         * @param seed the same gives the same orders
         */
        public static Sampled of(int players, int permutations, long seed) {
            SplittableRandom random = new SplittableRandom(seed);
            List<List<Integer>> orders = new ArrayList<>();
            for (int k = 0; k < permutations - 1; k += 2) {
                List<Integer> order = new ArrayList<>();
                for (int i = 0; i < players; i++) {
                    order.add(random.nextInt(i + 1), i); // Fisher and Yates, inside out
                }
                orders.add(order);
                orders.add(order.reversed());
            }
            if (permutations % 2 != 0) {
                orders.add(List.of()); // refused by the constructor with the number as given
            }
            return new Sampled(players, orders);
        }

        @Override
        public SequencedSet<Long> coalitions() {
            SequencedSet<Long> wanted = new LinkedHashSet<>();
            long all = CoalitionGame.all(players);
            wanted.add(0L);
            wanted.add(all);
            for (int i = 0; i < players; i++) {
                wanted.add(1L << i);
            }
            for (int i = 0; i < players; i++) {
                wanted.add(all & ~(1L << i));
            }
            for (List<Integer> order : orders) {
                long before = 0;
                for (int i : order) {
                    before |= 1L << i;
                    wanted.add(before);
                }
            }
            return wanted;
        }
    }
}
