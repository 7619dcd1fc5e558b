package org.diffusionsoup.core.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupIoException;

/** Tells shards from other tars by how they begin: with a row's description, {@code KEY.json}. */
final class ShardTars {
    private static final int HEADER = 512;
    private static final int NAME = 100;
    private static final int TYPE = 156;
    private static final String DESCRIPTION = ".json";

    private ShardTars() {}

    /** Whether a file is a tar whose first entry is a description. */
    static boolean isOne(Path file) {
        if (FileContent.of(file) != FileContent.TAR) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] head = in.readNBytes(2 * HEADER);
            char type = (char) head[TYPE];
            // A name that is long or beyond ASCII stands in a record before its entry.
            boolean named = type == 'x' || type == 'L';
            String name =
                    named
                            ? text(head, HEADER, head.length - HEADER)
                            : text(head, 0, NAME).replaceFirst("\0.*", "");
            return named ? name.contains(DESCRIPTION) : name.endsWith(DESCRIPTION);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static String text(byte[] bytes, int from, int length) {
        return new String(bytes, from, Math.max(0, length), StandardCharsets.ISO_8859_1);
    }
}
