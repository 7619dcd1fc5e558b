package org.diffusionsoup.core.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeaderTextTest {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String METADATA = SafetensorsHeader.METADATA;

    /**
     * Jackson reads half a surrogate pair, which has no UTF-8; the format's own reader does not.
     */
    private static boolean isUnicode(String s) {
        return new String(s.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8).equals(s);
    }

    /**
     * Accepts what Jackson accepts but for strings that are no Unicode, of the same values, and
     * nothing else.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void readsWhatAGeneralParserReads(long seed) {
        Random random = new Random(seed);
        int read = 0;
        int refused = 0;
        for (int round = 0; round < 5_000; round++) {
            byte[] utf8 = damaged(header(random), random).getBytes(StandardCharsets.UTF_8);
            String text = new String(utf8, StandardCharsets.UTF_8);
            Optional<List<String>> expected =
                    byJackson(text)
                            .filter(strings ->
                                    strings.stream().allMatch(HeaderTextTest::isUnicode));
            Optional<List<String>> actual = byHeaderText(utf8);
            assertThat(actual).as("seed %d round %d: %s", seed, round, text).isEqualTo(expected);
            if (actual.isPresent()) {
                read++;
            } else {
                refused++;
            }
        }
        assertThat(read).as("seed %d", seed).isGreaterThan(800);
        assertThat(refused).as("seed %d", seed).isGreaterThan(800);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0|0",
                "9223372036854775807|9223372036854775807",
                "9223372036854775808|refused",
                "99999999999999999999|refused",
                "007|refused",
                "00|refused",
                "1.0|refused",
                "1e3|refused",
                "-0|refused",
                "+1|refused",
                "0x10|refused",
                "NaN|refused",
                "1_0|refused",
                "١|refused", // a digit, but not of JSON
            })
    void numbers(String text, String expected) {
        byte[] array = ("[" + text + "]").getBytes(StandardCharsets.UTF_8);
        String actual;
        try {
            HeaderText p = new HeaderText(array);
            p.openArray();
            p.nextElement(true);
            actual = Long.toString(p.number());
            if (p.nextElement(false)) {
                actual = "refused";
            }
            p.end();
        } catch (HeaderText.Bad e) {
            actual = "refused";
        }
        assertThat(actual).isEqualTo(expected);
    }

    @Test
    void saysWhatIsThereAndWhere() {
        byte[] text = ("{\"a\": tru }").getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(
                        () -> {
                            HeaderText p = new HeaderText(text);
                            p.openObject();
                            p.nextMember(true);
                            p.name();
                            p.string();
                        })
                .hasMessage("a string expected, not 'tru' at byte 6 of the header");
        assertThatThrownBy(() -> new HeaderText(new byte[0]).openObject())
                .hasMessage("an object expected, not the end of the header");
    }

    /** Jackson takes the lower eight bits of any character for a hexadecimal digit. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\u0\u066100",
                "\\u00e",
                "\\u00g0",
                "\\x",
                "\\",
                "\n",
                "\\U00e9",
                "\\u-001"
            })
    void badEscapesAreRefused(String inside) {
        byte[] text = ("\"" + inside + "\"").getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> new HeaderText(text).string()).isInstanceOf(HeaderText.Bad.class);
    }

    private static Optional<List<String>> byHeaderText(byte[] text) {
        List<String> events = new ArrayList<>();
        HeaderText p = new HeaderText(text);
        try {
            p.openObject();
            for (boolean first = true; p.nextMember(first); first = false) {
                String name = p.name();
                events.add(name);
                p.openObject();
                for (boolean inner = true; p.nextMember(inner); inner = false) {
                    String key = p.name();
                    events.add(key);
                    if (name.equals(METADATA) || key.equals("dtype")) {
                        events.add(p.string());
                    } else {
                        p.openArray();
                        for (boolean one = true; p.nextElement(one); one = false) {
                            events.add(Long.toString(p.number()));
                        }
                    }
                }
            }
            p.end();
            return Optional.of(events);
        } catch (HeaderText.Bad e) {
            assertThat(e.expected()).isNotEmpty();
            assertThat(e.actual()).isNotEmpty();
            return Optional.empty();
        }
    }

    private static Optional<List<String>> byJackson(String text) {
        List<String> events = new ArrayList<>();
        try (JsonParser p = JSON.createParser(text.toCharArray())) {
            need(p.nextToken(), JsonToken.START_OBJECT);
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String name = p.currentName();
                events.add(name);
                need(p.nextToken(), JsonToken.START_OBJECT);
                while (p.nextToken() == JsonToken.FIELD_NAME) {
                    String key = p.currentName();
                    events.add(key);
                    if (name.equals(METADATA) || key.equals("dtype")) {
                        need(p.nextToken(), JsonToken.VALUE_STRING);
                        events.add(p.getText());
                        continue;
                    }
                    need(p.nextToken(), JsonToken.START_ARRAY);
                    while (p.nextToken() != JsonToken.END_ARRAY) {
                        need(p.currentToken(), JsonToken.VALUE_NUMBER_INT);
                        if (p.getText().startsWith("-")) {
                            throw new IOException("below 0");
                        }
                        events.add(Long.toString(p.getLongValue()));
                    }
                }
            }
            if (p.nextToken() != null) {
                throw new IOException("more");
            }
            return Optional.of(events);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static void need(JsonToken actual, JsonToken expected) throws IOException {
        if (actual != expected) {
            throw new IOException(actual + " is not " + expected);
        }
    }

    private static String header(Random random) {
        List<String> members = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            List<String> fields = new ArrayList<>();
            if (random.nextInt(4) == 0) {
                for (int k = random.nextInt(3); k > 0; k--) {
                    fields.add(string(random) + space(random) + ":" + string(random));
                }
                members.add("\"" + METADATA + "\":{" + String.join(",", fields) + "}");
                continue;
            }
            fields.add("\"dtype\":" + space(random) + string(random));
            fields.add("\"shape\":" + numbers(random));
            fields.add("\"data_offsets\"" + space(random) + ":" + numbers(random));
            members.add(
                    string(random)
                            + ":"
                            + space(random)
                            + "{"
                            + String.join(space(random) + ",", fields)
                            + "}");
        }
        return "{" + String.join(", ", members) + space(random) + "}" + space(random);
    }

    private static String numbers(Random random) {
        List<String> numbers = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            numbers.add(Long.toString(random.nextLong() >>> random.nextInt(1, 64)));
        }
        return "[" + space(random) + String.join("," + space(random), numbers) + "]";
    }

    private static String string(Random random) {
        String[] parts = {
            "w",
            "é",
            "日",
            "\uD83C\uDF72",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u00e9",
            "\\uD83c",
            " ",
            "\\b\\f\\r\\t",
            "/",
            "'",
            "\u007f"
        };
        StringBuilder s = new StringBuilder("\"");
        for (int i = random.nextInt(5); i > 0; i--) {
            s.append(parts[random.nextInt(parts.length)]);
        }
        return s.append('"').toString();
    }

    private static String space(Random random) {
        return random.nextInt(4) > 0 ? "" : " \n\r\t".substring(random.nextInt(4));
    }

    /** Replaces, removes or doubles some characters, three times out of four. */
    private static String damaged(String text, Random random) {
        String likely = "0123456789{}[]\",:-\\u eE.+tn\0\n\u00a0/";
        StringBuilder s = new StringBuilder(text);
        for (int k = random.nextInt(4); k > 0 && !s.isEmpty(); k--) {
            int at = random.nextInt(s.length());
            switch (random.nextInt(3)) {
                case 0 -> s.setCharAt(at, likely.charAt(random.nextInt(likely.length())));
                case 1 -> s.deleteCharAt(at);
                default -> s.insert(at, likely.charAt(random.nextInt(likely.length())));
            }
        }
        return s.toString();
    }
}
