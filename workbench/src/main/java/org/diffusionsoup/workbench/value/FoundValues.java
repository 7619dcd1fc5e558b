package org.diffusionsoup.workbench.value;

import java.util.List;
import java.util.SortedMap;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.value.GameValues;

/**
 * What ingredients are worth.
 *
 * @param ingredients their names; the base is the last
 * @param sha256 of each one's weights by part
 * @param values of the players
 * @param coalitions all that were scored
 * @param scored how many of them this run scored itself; the rest came from the journal
 * @param judge who scored
 * @param journalSha256 of the journal at the end
 * @param seconds of all, and of the coalitions scored now: forming their weights, drawing, judging
 */
public record FoundValues(
        List<String> ingredients,
        List<SortedMap<String, String>> sha256,
        GameValues values,
        List<Evaluation> coalitions,
        int scored,
        Judge judge,
        String journalSha256,
        Seconds seconds) {
    /** Where the time went. */
    public record Seconds(double all, double forming, double drawing, double judging) {}

    public FoundValues {
        ingredients = List.copyOf(ingredients);
        sha256 = List.copyOf(sha256);
        coalitions = List.copyOf(coalitions);
    }
}
