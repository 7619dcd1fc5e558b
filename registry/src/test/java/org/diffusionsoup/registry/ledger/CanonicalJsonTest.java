package org.diffusionsoup.registry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonNull;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.erdtman.jcs.JsonCanonicalizer;
import org.junit.jupiter.api.Test;

/** The canonical form of the ledger against a library for RFC 8785. */
class CanonicalJsonTest {
    private static final long MOST = 1L << 53;

    /** Of every class that is escaped, sorted or encoded in another way. */
    private static final int[] CHARACTERS = {
        0, 1, '\b', '\t', '\n', 0x0b, '\f', '\r', 0x0e, 0x1a, 0x1f, ' ', '"', '/', '1', 'A', '\\',
        'a', 0x7f, 0x80, 0xe9, 0x20ac, 0x2028, 0xd7ff, 0xe000, 0xfb33, 0xffff, 0x1f602, 0x10ffff,
    };

    private static String rfc8785(String json) throws IOException {
        return new JsonCanonicalizer(json).getEncodedString();
    }

    /** Ours, with the digits of control characters' escapes as RFC 8785 has them. */
    private static String lowerCase(String canonical) {
        return Pattern.compile("\\\\(u[0-9A-F]{4}|.)")
                .matcher(canonical)
                .replaceAll(m -> "\\\\" + escape(m.group(1)));
    }

    private static String escape(String after) {
        return after.length() == 1
                ? (after.equals("\\") ? "\\\\" : after)
                : after.toLowerCase(java.util.Locale.ROOT);
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(6); i > 0; i--) {
            text.appendCodePoint(CHARACTERS[random.nextInt(CHARACTERS.length)]);
        }
        return text.toString();
    }

    private static JsonValue value(Random random, int depth) {
        return switch (random.nextInt(depth > 4 ? 4 : 6)) {
            case 0 -> new JsonString(text(random));
            case 1 -> new JsonNumber(number(random));
            case 2 -> new JsonBool(random.nextBoolean());
            case 3 -> new JsonNull();
            case 4 -> {
                List<JsonValue> items = new ArrayList<>();
                for (int i = random.nextInt(5); i > 0; i--) {
                    items.add(value(random, depth + 1));
                }
                yield new JsonArray(items);
            }
            default -> object(random, depth);
        };
    }

    private static JsonObject object(Random random, int depth) {
        var fields = new LinkedHashMap<String, JsonValue>();
        for (int i = random.nextInt(7); i > 0; i--) {
            fields.put(text(random), value(random, depth + 1));
        }
        return new JsonObject(fields);
    }

    /** Whole, up to 2^53, also written as 1E+3 or 5.00. */
    private static BigDecimal number(Random random) {
        long n = random.nextLong(-MOST, MOST + 1) >> random.nextInt(54);
        return switch (random.nextInt(4)) {
            case 0 -> BigDecimal.valueOf(n).setScale(2);
            case 1 -> BigDecimal.valueOf(random.nextInt(9), -random.nextInt(10));
            default -> BigDecimal.valueOf(n);
        };
    }

    @Test
    void randomValuesAreAsTheLibraryHasThem() throws IOException {
        Random random = new Random(20261130);
        for (int run = 0; run < 3000; run++) {
            JsonObject value = object(random, 0);
            String canonical = Json.canonical(value);
            assertThat(lowerCase(canonical)).isEqualTo(rfc8785(value.text()));
            assertThat(Json.canonical(Json.parse(canonical, "it"))).isEqualTo(canonical);
            assertThat(Json.canonical(Json.parse(Json.pretty(value), "it"))).isEqualTo(canonical);
        }
    }

    @Test
    void whereItDiffersFromTheStandard() throws IOException {
        String control = Json.canonical(Json.object().put("a", "\u001f\u000e").build());
        assertThat(control).isEqualTo("{\"a\":\"\\u001F\\u000E\"}");
        assertThat(rfc8785(control)).isEqualTo("{\"a\":\"\\u001f\\u000e\"}");
        String beyond = Json.canonical(Json.object().put("a", MOST + 1).build());
        assertThat(beyond).isEqualTo("{\"a\":9007199254740993}");
        assertThat(rfc8785(beyond)).isEqualTo("{\"a\":9007199254740992}");
        JsonObject half = Json.object().put("a", new JsonNumber(new BigDecimal("0.5"))).build();
        assertThatThrownBy(() -> Json.canonical(half))
                .isInstanceOf(RegistryException.class)
                .hasMessageContaining("0.5 is not whole");
    }

    /** These would have the bytes of a question mark, and two texts one signature. */
    @Test
    void halvesOfCharactersAreRefused() {
        for (String text : List.of("\ud83d", "a\ud83db", "\ude02\ud83d", "\ud83d\ud83d\ude02")) {
            assertThatThrownBy(() -> Json.canonical(new JsonString(text)))
                    .isInstanceOf(RegistryException.class)
                    .hasMessageContaining("half of a surrogate pair");
            assertThatThrownBy(() -> Json.canonical(Json.object().put(text, 1).build()))
                    .isInstanceOf(RegistryException.class);
        }
        assertThat(Json.canonical(new JsonString("\ud83d\ude02"))).isEqualTo("\"\ud83d\ude02\"");
    }
}
