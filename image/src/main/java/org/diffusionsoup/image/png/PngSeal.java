package org.diffusionsoup.image.png;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.diffusionsoup.core.io.Hashes;

/**
 * A checksum in a PNG file itself, by which it is known again as the one that was written under a
 * name: a tEXt chunk before the end with SHA-256 of the name and all other bytes of the file.
 */
public final class PngSeal {
    /** Keyword of the chunk. */
    public static final String KEYWORD = "kept_sha256";

    private static final int END = 12; // IEND has no data
    private static final int HEX = 64;
    private static final int DATA = KEYWORD.length() + 1 + HEX;
    private static final int CHUNK = DATA + 12;

    private PngSeal() {}

    /**
     * Adds the checksum.
     *
     * @param png a whole PNG file without one
     * @param name that it is to be known under
     */
    public static byte[] sealed(byte[] png, String name) {
        int at = png.length - END;
        byte[] out = new byte[png.length + CHUNK];
        System.arraycopy(png, 0, out, 0, at);
        System.arraycopy(chunk(png, at, at, name), 0, out, at, CHUNK);
        System.arraycopy(png, at, out, at + CHUNK, END);
        return out;
    }

    /** Whether bytes are those that {@link #sealed} gave for the name. */
    public static boolean isWhole(byte[] bytes, String name) {
        int at = bytes.length - END - CHUNK;
        return at >= 0
                && Arrays.equals(
                        bytes, at, at + CHUNK, chunk(bytes, at, at + CHUNK, name), 0, CHUNK);
    }

    /** The chunk for a file that is made of the bytes before one place and from another one on. */
    private static byte[] chunk(byte[] bytes, int to, int from, String name) {
        MessageDigest digest = Hashes.newSha256();
        digest.update((name + "\n").getBytes(StandardCharsets.UTF_8));
        digest.update(bytes, 0, to);
        digest.update(bytes, from, bytes.length - from);
        ByteBuffer chunk = ByteBuffer.allocate(CHUNK).putInt(DATA);
        chunk.put(
                ("tEXt" + KEYWORD + '\0' + Hashes.hex(digest)).getBytes(StandardCharsets.US_ASCII));
        CRC32 crc = new CRC32();
        crc.update(chunk.array(), 4, DATA + 4);
        return chunk.putInt((int) crc.getValue()).array();
    }
}
