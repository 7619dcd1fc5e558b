package org.diffusionsoup.workbench.value;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.value.ShapleyPlan;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Prompts;

/**
 * A valuation to be made.
 *
 * @param ingredients folders in diffusers layout, of one base
 * @param base what they were fine-tuned from: the value of nobody is its score
 * @param players who is valued; together they hold every ingredient once
 * @param plan which coalitions are scored
 * @param prompts at least two, each once
 * @param seeds of the noise, the same for every coalition
 * @param settings of the sampling
 * @param journal file of the evaluations
 * @param out table of values to write, as CSV
 * @param page an HTML page to write; empty for none
 */
public record ValueRequest(
        List<Path> ingredients,
        Path base,
        List<Player> players,
        ShapleyPlan plan,
        List<String> prompts,
        List<Long> seeds,
        GenerateSettings settings,
        Path journal,
        Path out,
        Optional<Path> page) {
    /**
     * @throws SoupException if there are under two players or prompts, or a prompt comes twice
     */
    public ValueRequest {
        ingredients = List.copyOf(ingredients);
        players = List.copyOf(players);
        prompts = List.copyOf(prompts);
        seeds = List.copyOf(seeds);
        if (players.size() < 2) {
            throw new SoupException(
                    "There is only %s to value; name at least two ingredients or groups."
                            .formatted(players.stream().map(Player::name).toList()));
        }
        if (prompts.size() < 2) {
            throw new SoupException(
                    "Intervals need at least 2 prompts, not %d; give more."
                            .formatted(prompts.size()));
        }
        Prompts.requireDistinct(prompts);
    }
}
