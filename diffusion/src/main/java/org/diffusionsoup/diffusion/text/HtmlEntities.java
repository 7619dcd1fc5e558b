package org.diffusionsoup.diffusion.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** HTML5 character references, resolved by the rules of Python's {@code html.unescape}. */
final class HtmlEntities {
    private static final Pattern REFERENCE =
            Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");

    /** Windows-1252's reading of the numbers 0x80 to 0x9F, which HTML prescribes. */
    private static final int[] WINDOWS_1252 = {
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013,
        0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178
    };

    private HtmlEntities() {}

    static String unescape(String text) {
        if (text.indexOf('&') < 0) {
            return text;
        }
        Matcher matcher = REFERENCE.matcher(text);
        StringBuilder out = new StringBuilder(text.length());
        while (matcher.find()) {
            matcher.appendReplacement(out, Matcher.quoteReplacement(resolve(matcher.group(1))));
        }
        return matcher.appendTail(out).toString();
    }

    private static String resolve(String reference) {
        if (reference.charAt(0) == '#') {
            return numeric(reference);
        }
        Map<String, String> names = Names.TABLE;
        // Some names are also known without the semicolon, so the longest known prefix wins.
        for (int end = reference.length(); end > 1; end--) {
            String value = names.get(reference.substring(0, end));
            if (value != null) {
                return value + reference.substring(end);
            }
        }
        return "&" + reference;
    }

    private static String numeric(String reference) {
        boolean hex = Character.toLowerCase(reference.charAt(1)) == 'x';
        long value = 0;
        for (int i = hex ? 2 : 1; i < reference.length() && reference.charAt(i) != ';'; i++) {
            int digit = Character.digit(reference.charAt(i), hex ? 16 : 10);
            value = Math.min(value * (hex ? 16 : 10) + digit, 1L << 32);
        }
        if (value >= 0x80 && value <= 0x9F) {
            return Character.toString(WINDOWS_1252[(int) value - 0x80]);
        }
        if (value == 0 || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) {
            return "\uFFFD";
        }
        return isForbidden((int) value) ? "" : Character.toString((int) value);
    }

    private static boolean isForbidden(int cp) {
        return (cp <= 8)
                || cp == 0xB
                || (cp >= 0xE && cp <= 0x1F)
                || cp == 0x7F
                || (cp >= 0xFDD0 && cp <= 0xFDEF)
                || (cp & 0xFFFE) == 0xFFFE;
    }

    /** Read on first use: only the OpenAI convention needs it. */
    private static final class Names {
        static final Map<String, String> TABLE = read();

        private static Map<String, String> read() {
            Map<String, String> table = new HashMap<>();
            try (InputStream in = HtmlEntities.class.getResourceAsStream("html5-entities.txt")) {
                if (in == null) {
                    throw new TokenizerException(
                            "The resource html5-entities.txt is missing from the diffusion jar:"
                                    + " build it again.");
                }
                BufferedReader reader =
                        new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    if (!line.isEmpty() && line.charAt(0) != '#') {
                        add(table, line);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return Map.copyOf(table);
        }

        /** A line is a name, with its semicolon if it needs one, then the code points in hex. */
        private static void add(Map<String, String> table, String line) {
            String[] fields = line.split(" ");
            StringBuilder value = new StringBuilder();
            for (int i = 1; i < fields.length; i++) {
                value.appendCodePoint(Integer.parseInt(fields[i], 16));
            }
            table.put(fields[0], value.toString());
        }
    }
}
