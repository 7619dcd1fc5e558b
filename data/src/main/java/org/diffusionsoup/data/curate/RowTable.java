package org.diffusionsoup.data.curate;

import java.util.Arrays;

/**
 * Perceptual hash and file hash per row, and for every row the first row with the same file. 20
 * bytes per row and a table of 8 to 16 more.
 */
final class RowTable {
    private long[] hashes = new long[1024];
    private long[] files = new long[1024];
    private int[] first = new int[1024];
    private int size;

    /** Open addressing by the file's hash; holds row + 1, 0 for a free slot. */
    private int[] slots = new int[4096];

    private int used;

    /**
     * @param hash perceptual
     * @param file 64 bits of the file's SHA-256
     */
    void add(long hash, long file) {
        if (size == hashes.length) {
            int longer = Math.addExact(size, size / 2);
            hashes = Arrays.copyOf(hashes, longer);
            files = Arrays.copyOf(files, longer);
            first = Arrays.copyOf(first, longer);
        }
        hashes[size] = hash;
        files[size] = file;
        if (2L * used >= slots.length) {
            rehash();
        }
        int slot = slot(file);
        if (slots[slot] == 0) {
            slots[slot] = size + 1;
            used++;
            first[size] = size;
        } else {
            first[size] = slots[slot] - 1;
        }
        size++;
    }

    private int slot(long file) {
        int mask = slots.length - 1;
        int at = (int) file & mask;
        while (slots[at] != 0 && files[slots[at] - 1] != file) {
            at = at + 1 & mask;
        }
        return at;
    }

    private void rehash() {
        int[] old = slots;
        slots = new int[Math.multiplyExact(2, old.length)];
        for (int entry : old) {
            if (entry != 0) {
                slots[slot(files[entry - 1])] = entry;
            }
        }
    }

    int size() {
        return size;
    }

    long hash(int row) {
        return hashes[row];
    }

    /** The first row with the same file, often the row itself. */
    int representative(int row) {
        return first[row];
    }

    /** All rows that are the first with their file, in order. */
    int[] representatives() {
        int[] out = new int[used];
        int next = 0;
        for (int row = 0; row < size; row++) {
            if (first[row] == row) {
                out[next++] = row;
            }
        }
        return out;
    }
}
