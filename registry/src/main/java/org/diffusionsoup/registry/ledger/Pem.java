package org.diffusionsoup.registry.ledger;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.diffusionsoup.core.SoupIoException;

/** Keys as text: base64 between a line that says what it is and one that ends it. */
final class Pem {
    private static final int LINE = 64;

    /** A key takes some hundred bytes. */
    private static final long MOST = 1 << 20;

    private Pem() {}

    static String write(String type, byte[] der) {
        String body = Base64.getMimeEncoder(LINE, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
    }

    static byte[] read(String type, Path file) {
        String text;
        try {
            if (Files.exists(file) && (!Files.isRegularFile(file) || Files.size(file) > MOST)) {
                throw new RegistryException(
                        file + " is no PEM file with a " + type + ": it is no file, or too large.");
            }
            text = Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        int from = text.indexOf("-----BEGIN " + type + "-----");
        int to = text.indexOf("-----END " + type + "-----");
        if (from < 0 || to < from) {
            throw new RegistryException(file + " is no PEM file with a " + type + ".");
        }
        try {
            return Base64.getMimeDecoder().decode(text.substring(text.indexOf('\n', from), to));
        } catch (IllegalArgumentException e) {
            throw new RegistryException(file + " is a damaged PEM file.", e);
        }
    }
}
