package org.diffusionsoup.data;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.diffusionsoup.core.SoupException;

/** Writes the entries of a ustar file, all times and owners zero. */
public final class TarWriter {
    private TarWriter() {}

    /** Writes the two empty blocks that end a tar, and flushes. */
    public static void end(OutputStream out) throws IOException {
        out.write(new byte[2 * TarFile.BLOCK]);
        out.flush();
    }

    /**
     * Writes a file.
     *
     * @param name at most 100 bytes in UTF-8
     * @throws SoupException if the name is longer
     */
    public static void entry(OutputStream out, String name, byte[] data) throws IOException {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        if (nameBytes.length > 100) {
            throw new SoupException("row name " + name + " is over 100 bytes; shorten it");
        }
        ByteBuffer header = ByteBuffer.allocate(TarFile.BLOCK);
        header.put(0, nameBytes);
        put(header, 100, "0000644");
        put(header, 108, "0000000");
        put(header, 116, "0000000");
        put(header, 124, "%011o".formatted(data.length));
        put(header, 136, "00000000000");
        put(header, 148, "        ");
        put(header, 156, "0");
        put(header, 257, "ustar\00000");
        int sum = 0;
        for (byte b : header.array()) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0 ".formatted(sum));
        out.write(header.array());
        out.write(data);
        out.write(new byte[(TarFile.BLOCK - data.length % TarFile.BLOCK) % TarFile.BLOCK]);
    }

    private static void put(ByteBuffer header, int at, String text) {
        header.put(at, text.getBytes(StandardCharsets.US_ASCII));
    }
}
