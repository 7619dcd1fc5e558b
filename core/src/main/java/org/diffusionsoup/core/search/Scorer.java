package org.diffusionsoup.core.search;

import java.util.SortedMap;

/**
 * Says how good a candidate soup is: the paper's negative loss on validation data, -L(sum k_i w_i,
 * D_val) in Eq. 6. The same candidate must get the same scores every time.
 */
public interface Scorer {
    /**
     * Everything that decides the scores besides the candidate: judge, hash of its weights,
     * prompts, seeds, sampling settings. Scores of scorers with different identities are never
     * mixed.
     */
    SortedMap<String, String> identity();

    /**
     * Scores one candidate.
     *
     * @return one finite value per validation prompt, in the same order every time; higher is
     *     better; the candidate's score is their mean. A single value is allowed, but then no
     *     improvement can be told from chance
     */
    double[] score(Candidate candidate, CandidateWeights weights);
}
