package org.diffusionsoup.eval;

/**
 * Does a judge find the right caption among many? Works on similarity matrices of any scale, higher
 * meaning more alike.
 *
 * <p>Ties count against the judge: a target that shares its similarity with others ranks behind all
 * of them, so a judge that gives everything the same number finds nothing.
 */
public final class Retrieval {
    private Retrieval() {}

    /**
     * Recall at k of n matching pairs.
     *
     * @param k how many candidates are looked at
     * @param rowToColumn rows (images) that find their column (caption) in the top k
     * @param columnToRow columns that find their row
     */
    public record Recall(int k, Proportion rowToColumn, Proportion columnToRow) {}

    /**
     * The target's place among the candidates.
     *
     * @param similarities one per candidate
     * @param target index of the right one
     * @return 1 for first
     * @throws EvalException if a similarity is not a number or the target is out of range
     */
    public static int rank(double[] similarities, int target) {
        if (target < 0 || target >= similarities.length) {
            throw new EvalException(
                    "Target %d is not one of the %d candidates."
                            .formatted(target, similarities.length));
        }
        int rank = 1;
        for (int i = 0; i < similarities.length; i++) {
            if (Double.isNaN(similarities[i])) {
                throw new EvalException("The similarity to candidate %d is NaN.".formatted(i));
            }
            if (i != target && similarities[i] >= similarities[target]) {
                rank++;
            }
        }
        return rank;
    }

    /**
     * How many queries find their target among the k most similar candidates.
     *
     * @param similarity [queries][candidates]
     * @param targets the right candidate of each query
     * @param k at least 1
     */
    public static Proportion topK(double[][] similarity, int[] targets, int k) {
        if (similarity.length != targets.length || similarity.length == 0) {
            throw new EvalException(
                    "%d rows of similarities do not go with %d targets."
                            .formatted(similarity.length, targets.length));
        }
        if (k < 1) {
            throw new EvalException("Top-k needs a k of at least 1, got %d.".formatted(k));
        }
        int hits = 0;
        for (int q = 0; q < targets.length; q++) {
            if (rank(similarity[q], targets[q]) <= k) {
                hits++;
            }
        }
        return new Proportion(hits, targets.length);
    }

    /**
     * Recall at k in both directions, where row i belongs to column i.
     *
     * @param similarity n × n
     * @throws EvalException if the matrix is not square
     */
    public static Recall recallAt(int k, double[][] similarity) {
        int n = similarity.length;
        double[][] transposed = new double[n][n];
        int[] diagonal = new int[n];
        for (int i = 0; i < n; i++) {
            if (similarity[i].length != n) {
                throw new EvalException(
                        "Recall in both directions needs as many rows as columns; row %d has %d of %d."
                                .formatted(i, similarity[i].length, n));
            }
            diagonal[i] = i;
            for (int j = 0; j < n; j++) {
                transposed[j][i] = similarity[i][j];
            }
        }
        return new Recall(k, topK(similarity, diagonal, k), topK(transposed, diagonal, k));
    }
}
