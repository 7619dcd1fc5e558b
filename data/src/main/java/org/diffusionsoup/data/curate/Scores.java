package org.diffusionsoup.data.curate;

import java.util.Arrays;
import org.diffusionsoup.core.SoupException;

/** One score per row, in the order of the rows: a list of doubles that takes 8 bytes each. */
public final class Scores {
    private double[] values = new double[1024];
    private int size;

    /**
     * Adds the next row's score.
     *
     * @throws SoupException if it is not finite: such rows cannot be ranked
     */
    public void add(double score) {
        if (!Double.isFinite(score)) {
            throw new SoupException("row " + size + " has the score " + score + ", not a number.");
        }
        if (size == values.length) {
            values = Arrays.copyOf(values, Math.addExact(size, Math.max(1024, size / 2)));
        }
        values[size++] = score;
    }

    /** How many rows have a score. */
    public int size() {
        return size;
    }

    /** The score of a row. */
    public double get(int row) {
        if (row >= size) {
            throw new IndexOutOfBoundsException(row + " of " + size);
        }
        return values[row];
    }
}
