package org.diffusionsoup.data;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.diffusionsoup.core.SoupException;

/** The one way from a text file's bytes to its text: captions in folders and tars, prompts. */
public final class Utf8Text {
    private Utf8Text() {}

    /**
     * Decodes UTF-8, without the byte order mark that editors on Windows put before the text.
     *
     * @param what the file or the entry, for the message
     * @throws SoupException if the bytes are no UTF-8, or hold a zero as UTF-16 does: replacement
     *     characters would be learned from unseen
     */
    public static String decode(byte[] bytes, String what) {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new SoupException(what + " is not UTF-8 text; save it as UTF-8", e);
        }
        if (text.indexOf('\0') >= 0) {
            throw new SoupException(what + " is not UTF-8 text; save it as UTF-8");
        }
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
}
