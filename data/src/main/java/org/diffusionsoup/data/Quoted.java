package org.diffusionsoup.data;

import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A value of a shard's condition as it is typed: a comma, an ampersand and a per cent sign, which
 * conditions are separated and quoted by, as {@code %2C}, {@code %26} and {@code %25} (RFC 3986).
 */
final class Quoted {
    private static final Map<String, String> SIGNS = Map.of("%2C", ",", "%26", "&", "%25", "%");
    private static final Pattern TYPED = Pattern.compile("%2[Cc]|%26|%25");
    private static final Pattern PLAIN = Pattern.compile("[,&]|%(?=2[Cc]|26|25)");

    private Quoted() {}

    /** The value that was meant; per cent signs before anything else stand for themselves. */
    static String read(String typed) {
        return TYPED.matcher(typed)
                .replaceAll((MatchResult m) -> SIGNS.get(m.group().toUpperCase(Locale.ROOT)));
    }

    /** What {@link #read} reads as this value. */
    static String write(String value) {
        return PLAIN.matcher(value)
                .replaceAll((MatchResult m) ->
                        switch (m.group()) {
                            case "," -> "%2C";
                            case "&" -> "%26";
                            default -> "%25";
                        });
    }
}
