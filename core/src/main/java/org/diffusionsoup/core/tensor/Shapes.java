package org.diffusionsoup.core.tensor;

/** Sizes of shapes, with every multiplication checked. */
public final class Shapes {
    private Shapes() {}

    /**
     * Number of elements of a shape; 1 for the empty shape of a scalar.
     *
     * @throws ArithmeticException if a dimension is negative or the product overflows a long
     */
    public static long elements(long... shape) {
        boolean empty = false;
        long n = 1;
        for (long d : shape) {
            if (d < 0) {
                throw new ArithmeticException("negative dimension " + d);
            }
            empty |= d == 0;
            n = Math.multiplyExact(n, Math.max(d, 1));
        }
        return empty ? 0 : n;
    }

    public static long byteSize(DType dtype, long... shape) {
        return Math.multiplyExact(elements(shape), (long) dtype.bytes());
    }
}
