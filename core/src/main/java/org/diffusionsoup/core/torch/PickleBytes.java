package org.diffusionsoup.core.torch;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.MalformedCheckpointException;

/** A pickle's bytes with a position; every length is checked before it is used. */
final class PickleBytes {
    private static final int MAX_LINE = 10_000;

    private final Path file;
    private final ByteBuffer bytes;

    PickleBytes(Path file, byte[] bytes) {
        this.file = file;
        this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    int position() {
        return bytes.position();
    }

    int remaining() {
        return bytes.remaining();
    }

    int u1() {
        need(1);
        return bytes.get() & 0xff;
    }

    int u2() {
        need(2);
        return bytes.getShort() & 0xffff;
    }

    int i4() {
        need(4);
        return bytes.getInt();
    }

    long u4() {
        return Integer.toUnsignedLong(i4());
    }

    long i8() {
        need(8);
        return bytes.getLong();
    }

    void skip(long n) {
        need(n);
        bytes.position(bytes.position() + (int) n);
    }

    /** A string of {@code n} bytes. */
    String text(long n) {
        int at = position();
        return tryText(n).orElseThrow(() -> bad(at, "UTF-8 text", "other bytes"));
    }

    /** The same, empty if the bytes are no UTF-8. */
    Optional<String> tryText(long n) {
        need(n);
        ByteBuffer part = bytes.slice(bytes.position(), (int) n);
        skip(n);
        try {
            return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(part).toString());
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }

    /** A little-endian two's complement integer of {@code n} bytes, empty if over 64 bits. */
    Optional<Long> integer(long n) {
        need(n);
        if (n > 8) {
            skip(n);
            return Optional.empty();
        }
        long value = 0;
        for (int i = 0; i < n; i++) {
            value |= (long) u1() << (8 * i);
        }
        int unused = 64 - 8 * (int) n;
        return Optional.of(n == 0 ? 0L : value << unused >> unused);
    }

    /** The text up to the next newline, which is skipped. */
    String line() {
        int start = position();
        int end = start;
        while (end < bytes.limit() && end - start < MAX_LINE && bytes.get(end) != '\n') {
            end++;
        }
        if (end == bytes.limit() || bytes.get(end) != '\n') {
            throw bad(start, "a line of at most " + MAX_LINE + " bytes", "no end of line");
        }
        String line = text(end - start);
        skip(1);
        return line;
    }

    private void need(long n) {
        if (n < 0 || n > bytes.remaining()) {
            throw bad(
                    position(),
                    Long.toUnsignedString(n) + " more bytes",
                    bytes.remaining() + " (truncated pickle)");
        }
    }

    MalformedCheckpointException bad(int at, String expected, String actual) {
        return new MalformedCheckpointException(file, "pickle offset " + at, expected, actual);
    }
}
