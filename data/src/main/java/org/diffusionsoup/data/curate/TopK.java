package org.diffusionsoup.data.curate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.diffusionsoup.core.SoupException;

/** Keeps the K best of a stream of scored rows; memory for K of them, whatever the stream. */
public final class TopK {
    /** Best first; of equal scores the earlier row. */
    private static final Comparator<Ranked> BEST_FIRST =
            Comparator.comparingDouble((Ranked r) -> -r.score()).thenComparingInt(Ranked::row);

    private final int k;
    private final PriorityQueue<Ranked> worstFirst = new PriorityQueue<>(BEST_FIRST.reversed());

    /**
     * A row and what it is worth.
     *
     * @param row its index in the scan
     * @param key its key
     * @param score higher is better
     */
    public record Ranked(int row, String key, double score) {}

    /**
     * @param k how many to keep, at least 1
     */
    public TopK(int k) {
        if (k < 1) {
            throw new SoupException("`k` must be at least 1, not " + k + ".");
        }
        this.k = k;
    }

    /** Offers the next row. */
    public void offer(int row, String key, double score) {
        Ranked ranked = new Ranked(row, key, score);
        if (worstFirst.size() < k) {
            worstFirst.add(ranked);
        } else if (BEST_FIRST.compare(ranked, worstFirst.element()) < 0) {
            worstFirst.remove();
            worstFirst.add(ranked);
        }
    }

    /** The best so far, best first; of equal scores the earlier row first. */
    public List<Ranked> best() {
        List<Ranked> sorted = new ArrayList<>(worstFirst);
        sorted.sort(BEST_FIRST);
        return sorted;
    }
}
