package org.diffusionsoup.diffusion.text;

import java.util.Arrays;

/**
 * The printable character that stands for each of the 256 byte values in a byte-level vocabulary
 * (the table of GPT-2 and CLIP): a byte that prints in Latin-1 is itself, the 68 others take the
 * characters from U+0100 on, in byte order.
 */
final class ByteAlphabet {
    private static final char[] CHAR_OF_BYTE = new char[256];
    private static final int[] BYTE_OF_CHAR = new int[512];

    /** The byte values in the order in which CLIP numbers them: printable ones first. */
    private static final int[] VOCABULARY_ORDER = new int[256];

    static {
        Arrays.fill(BYTE_OF_CHAR, -1);
        int position = 0;
        for (int b = 0; b < 256; b++) {
            if (printsInLatin1(b)) {
                CHAR_OF_BYTE[b] = (char) b;
                VOCABULARY_ORDER[position++] = b;
            }
        }
        char next = 256;
        for (int b = 0; b < 256; b++) {
            if (!printsInLatin1(b)) {
                CHAR_OF_BYTE[b] = next++;
                VOCABULARY_ORDER[position++] = b;
            }
        }
        for (int b = 0; b < 256; b++) {
            BYTE_OF_CHAR[CHAR_OF_BYTE[b]] = b;
        }
    }

    private ByteAlphabet() {}

    private static boolean printsInLatin1(int b) {
        // 0xAD is the soft hyphen, which prints as nothing.
        return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
    }

    static String encode(byte[] bytes) {
        char[] out = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            out[i] = CHAR_OF_BYTE[bytes[i] & 0xFF];
        }
        return new String(out);
    }

    /** The byte a character stands for, or -1 if it stands for none. */
    static int byteOf(char c) {
        return c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
    }

    /** The 256 one-character symbols in vocabulary order. */
    static String[] symbols() {
        String[] out = new String[256];
        for (int i = 0; i < 256; i++) {
            out[i] = String.valueOf(CHAR_OF_BYTE[VOCABULARY_ORDER[i]]);
        }
        return out;
    }
}
