package org.diffusionsoup.core.soup.average;

/**
 * What a worker computes at a time.
 *
 * @param number counted in the order of the file, from 0
 * @param tensor it belongs to
 * @param from index of its first element in the tensor
 * @param count of elements
 * @param position of its first byte in the file
 */
record Piece(long number, TensorJob tensor, long from, int count, long position) {
    int bytes() {
        return count * tensor.dtype.bytes();
    }
}
