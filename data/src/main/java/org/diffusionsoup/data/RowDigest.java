package org.diffusionsoup.data;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.diffusionsoup.core.io.Hashes;

/** The identity of rows by their content: sha256 over the rows' fields in order. */
public final class RowDigest {
    private final ByteArrayOutputStream all = new ByteArrayOutputStream();

    /** Adds the fields of one row. */
    public void add(List<String> fields) {
        for (String field : fields) {
            byte[] bytes = field.getBytes(StandardCharsets.UTF_8);
            // A length before each field, so that no two rows can run together into a third.
            all.writeBytes(ByteBuffer.allocate(4).putInt(bytes.length).array());
            all.writeBytes(bytes);
        }
    }

    /** 64 lower-case hex digits over all rows added so far. */
    public String sha256() {
        return Hashes.sha256Hex(all.toByteArray());
    }
}
