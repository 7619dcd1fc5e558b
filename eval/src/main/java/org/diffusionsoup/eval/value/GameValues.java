package org.diffusionsoup.eval.value;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.EvalException;
import org.diffusionsoup.eval.Interval;

/**
 * The values of all players of a game.
 *
 * @param players in the game's order
 * @param all v(all): the score of the soup of everyone
 * @param base v(empty): the score of the base
 * @param gain v(all) - v(base), paired: what the Shapley values add up to
 */
public record GameValues(List<PlayerValue> players, Interval all, Interval base, Interval gain) {
    public GameValues {
        players = List.copyOf(players);
    }

    /**
     * Values from scores.
     *
     * @param names of the players
     * @param game asked for the coalitions of the plan, and no others
     * @param bootstrap of the intervals
     * @throws EvalException if there are under two prompts, a score is not finite, or the numbers
     *     of players differ
     */
    public static GameValues of(
            List<String> names, CoalitionGame game, ShapleyPlan plan, Bootstrap bootstrap) {
        if (names.size() != game.players()) {
            throw new EvalException(
                    "%d names are given for %d players.".formatted(names.size(), game.players()));
        }
        Shapley shapley = Shapley.of(game, plan);
        double[] base = game.scores(0);
        double[] all = game.scores(game.all());
        List<PlayerValue> values = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            double[] others = game.scores(game.all() & ~(1L << i));
            values.add(
                    new PlayerValue(
                            names.get(i),
                            bootstrap.mean(shapley.perPrompt()[i]),
                            error(shapley.samplingErrors()[i]),
                            bootstrap.pairedDifference(all, others),
                            bootstrap.pairedDifference(game.scores(1L << i), base)));
        }
        return new GameValues(
                values,
                bootstrap.mean(all),
                bootstrap.mean(base),
                bootstrap.pairedDifference(all, base));
    }

    private static OptionalDouble error(double error) {
        return Double.isNaN(error) ? OptionalDouble.empty() : OptionalDouble.of(error);
    }
}
