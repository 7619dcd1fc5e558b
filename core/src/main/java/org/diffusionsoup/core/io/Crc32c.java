package org.diffusionsoup.core.io;

/**
 * CRC-32C (Castagnoli, RFC 3720) of bytes in two pieces from those of each, as zlib's {@code
 * crc32_combine} does it for CRC-32: appending n bytes multiplies the first piece's remainder by
 * x^(8n) modulo the polynomial over GF(2).
 */
public final class Crc32c {
    /** The polynomial with its bits reversed: the lowest is the coefficient of x^31. */
    private static final int POLYNOMIAL = 0x82F63B78;

    private static final int ONE = 1 << 31;

    /** x^(2^k). */
    private static final int[] POWERS = new int[64];

    static {
        POWERS[0] = 1 << 30;
        for (int k = 1; k < POWERS.length; k++) {
            POWERS[k] = times(POWERS[k - 1], POWERS[k - 1]);
        }
    }

    private Crc32c() {}

    /**
     * @param first checksum of the bytes in front
     * @param second that of the bytes behind them
     * @param length how many those behind are
     */
    public static int join(int first, int second, long length) {
        int power = ONE;
        for (int k = 0; length >> k != 0; k++) {
            if ((length >> k & 1) != 0) {
                power = times(power, POWERS[k + 3]);
            }
        }
        return times(first, power) ^ second;
    }

    private static int times(int a, int b) {
        int product = 0;
        int shifted = b;
        for (int bit = ONE; bit != 0; bit >>>= 1) {
            if ((a & bit) != 0) {
                product ^= shifted;
            }
            shifted = (shifted >>> 1) ^ ((shifted & 1) * POLYNOMIAL);
        }
        return product;
    }
}
