package org.diffusionsoup.core.torch;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import org.diffusionsoup.core.SoupException;

/** Files of other kinds that lie where weights are looked for, told by their first bytes. */
final class ForeignFiles {
    /** The first bytes of a file of llama.cpp. */
    static final int GGUF = 0x46554747;

    private static final String AGAIN = "; download the file itself again.";

    private ForeignFiles() {}

    /**
     * Refuses what is known to be something else.
     *
     * @param head the file's first bytes, little-endian
     * @throws SoupException naming what it is, and what to do
     */
    static void refuse(Path path, ByteBuffer head) {
        String what = what(head);
        if (!what.isEmpty()) {
            throw new SoupException(path + " is " + what);
        }
    }

    private static String what(ByteBuffer head) {
        int n = head.limit();
        if (n >= 4 && head.getInt(0) == GGUF) {
            return "a GGUF file: quantised weights, which are not read; use the model's safetensors"
                    + " file of F16, BF16 or F32.";
        }
        String text = text(head).toLowerCase(Locale.ROOT);
        String start = text.stripLeading();
        if (start.startsWith("version https://git-lfs")) {
            return "a Git LFS pointer and not the file it points to; fetch that with 'git lfs pull'"
                    + " or download the file.";
        }
        if (start.startsWith("<!doctype")
                || start.startsWith("<html")
                || start.startsWith("<head")) {
            return "an HTML page, as a download that needs a login or was refused leaves it"
                    + AGAIN;
        }
        if (start.startsWith("<?xml") || start.startsWith("<error")) {
            return "an XML text, as a server's error message is" + AGAIN;
        }
        if (start.matches("(?s)\\{\\s*\".*") || start.matches("(?s)\\[\\s*[\\[{\"].*")) {
            return "a JSON text, as a server's error message or an index is, and holds no weights"
                    + AGAIN;
        }
        if (text.startsWith("\u0089hdf")) {
            return "an HDF5 file of Keras or TensorFlow, which is not read; use the model's"
                    + " safetensors file.";
        }
        if (text.startsWith("\u001f\u008b")
                || text.startsWith("7z\u00bc\u00af")
                || text.startsWith("rar!")
                || text.startsWith("\u00fd7zxz")) {
            return "a compressed archive; unpack it first.";
        }
        if (text.startsWith("\u0089png") || text.startsWith("\u00ff\u00d8\u00ff")) {
            return "a picture, not a checkpoint.";
        }
        if (isPlainText(head)) {
            return "a text, not a checkpoint; download the file itself again.";
        }
        return isAllZero(head)
                ? "all zeros at its start, as an unfinished download is" + AGAIN
                : "";
    }

    /** Printable ASCII throughout, which the eight bytes of a header's length never are. */
    static boolean isPlainText(ByteBuffer head) {
        for (int i = 0; i < head.limit(); i++) {
            int b = head.get(i);
            if (b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f) {
                return false;
            }
        }
        return head.limit() >= 8;
    }

    private static boolean isAllZero(ByteBuffer head) {
        for (int i = 0; i < head.limit(); i++) {
            if (head.get(i) != 0) {
                return false;
            }
        }
        return head.limit() >= 64;
    }

    private static String text(ByteBuffer head) {
        byte[] bytes = new byte[head.limit()];
        head.get(0, bytes);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        return text.startsWith("\u00ef\u00bb\u00bf") ? text.substring(3) : text;
    }
}
