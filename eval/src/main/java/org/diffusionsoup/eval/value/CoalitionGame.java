package org.diffusionsoup.eval.value;

/**
 * A game of n players whose value is known prompt by prompt.
 *
 * <p>A coalition is a bit mask: bit i is set where player i is in. 0 is the empty coalition.
 */
public interface CoalitionGame {
    /** Most players: a mask is a long. */
    int MOST_PLAYERS = 62;

    /** How many players there are, 1 to {@link #MOST_PLAYERS}. */
    int players();

    /**
     * A coalition's scores, one per prompt, always of the same prompts in the same order. The
     * coalition's value is their mean.
     */
    double[] scores(long coalition);

    /** The coalition of all players. */
    default long all() {
        return all(players());
    }

    /**
     * The coalition of n players.
     *
     * @throws org.diffusionsoup.eval.EvalException if n is outside 1 to {@link #MOST_PLAYERS}
     */
    static long all(int n) {
        if (n < 1 || n > MOST_PLAYERS) {
            throw new org.diffusionsoup.eval.EvalException(
                    "A game has 1 to %d players, not %d.".formatted(MOST_PLAYERS, n));
        }
        return (1L << n) - 1;
    }
}
