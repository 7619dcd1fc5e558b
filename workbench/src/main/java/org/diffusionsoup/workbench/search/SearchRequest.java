package org.diffusionsoup.workbench.search;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.search.Acceptance;
import org.diffusionsoup.core.search.SearchMethod;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Prompts;

/**
 * A search to be made.
 *
 * @param ingredients folders in diffusers layout, of one base, at least two
 * @param method how coefficients are searched
 * @param prompts to search on and to test on
 * @param seeds of the noise, the same for every candidate
 * @param settings of the sampling
 * @param acceptance when a change is taken
 * @param budget most candidates that may be scored
 * @param journal file of the evaluations; a second one beside it holds those of the test
 * @param out the soup to write; empty to choose only
 * @param page an HTML page to write; empty for none
 * @param replace whether an existing output is replaced
 */
public record SearchRequest(
        List<Path> ingredients,
        SearchMethod method,
        Split prompts,
        List<Long> seeds,
        GenerateSettings settings,
        Acceptance acceptance,
        int budget,
        Path journal,
        Optional<Path> out,
        Optional<Path> page,
        boolean replace) {

    /** Prompts in two lists without a common one. */
    public record Split(List<String> validation, List<String> test) {
        /** What a reader of intervals should know where one of the lists is short. */
        public Optional<String> caution() {
            return Bootstrap.caution(Math.min(validation.size(), test.size()), "prompts");
        }

        /**
         * @throws SoupException if a list has under two prompts, or one comes twice
         */
        public Split {
            validation = List.copyOf(validation);
            test = List.copyOf(test);
            if (validation.size() < 2 || test.size() < 2) {
                throw new SoupException(
                        "A search needs at least 2 prompts to choose by and 2 to test on, not %d and %d; give more prompts, or another `validation`."
                                .formatted(validation.size(), test.size()));
            }
            List<String> all = new ArrayList<>(validation);
            all.addAll(test);
            Prompts.requireDistinct(all);
        }

        /**
         * Takes some prompts at random for validation; the rest are the test set.
         *
         * @param seed of the choice
         */
        public static Split of(List<String> prompts, int validation, long seed) {
            List<String> order = new ArrayList<>(prompts);
            Collections.shuffle(order, new Random(seed));
            int cut = Math.clamp(validation, 0, order.size());
            return new Split(order.subList(0, cut), order.subList(cut, order.size()));
        }
    }

    public SearchRequest {
        ingredients = List.copyOf(ingredients);
        seeds = List.copyOf(seeds);
        if (ingredients.size() < 2) {
            throw new SoupException("A search needs at least two ingredients to choose from.");
        }
    }

    /** The journal of the test's evaluations. */
    public Path testJournal() {
        return journal.resolveSibling(journal.getFileName() + ".test");
    }
}
