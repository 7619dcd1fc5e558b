package org.diffusionsoup.diffusion.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Turns byte-pair symbols back into text. */
final class SymbolDecoder {
    private SymbolDecoder() {}

    static String decode(List<String> symbols) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String symbol : symbols) {
            boolean endsWord = symbol.endsWith(BytePairEncoder.END_OF_WORD);
            int length = symbol.length() - (endsWord ? BytePairEncoder.END_OF_WORD.length() : 0);
            for (int i = 0; i < length; i++) {
                int b = ByteAlphabet.byteOf(symbol.charAt(i));
                if (b >= 0) {
                    bytes.write(b);
                } else {
                    // An added token may hold characters outside the byte alphabet.
                    bytes.writeBytes(symbol.substring(i, i + 1).getBytes(StandardCharsets.UTF_8));
                }
            }
            if (endsWord) {
                bytes.write(' ');
            }
        }
        return bytes.toString(StandardCharsets.UTF_8).strip();
    }
}
