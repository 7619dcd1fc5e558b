package org.diffusionsoup.workbench.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Damages files, blindly or keeping what surrounds the damage whole. */
final class Damage {
    private static final List<String> VALUES =
            List.of(
                    "0",
                    "-1",
                    "1",
                    "2",
                    "3",
                    "2147483647",
                    "2147483648",
                    "-2147483648",
                    "1e300",
                    "-1e300",
                    "1e-300",
                    "NaN",
                    "Infinity",
                    "-Infinity",
                    "0.5",
                    "1.5",
                    "99999",
                    "true",
                    "false",
                    "null",
                    "\"\"",
                    "\"x\"",
                    "\"4\"",
                    "[]",
                    "{}",
                    "[0]",
                    "[1,2]",
                    "[[[[1]]]]",
                    "[null]",
                    "{\"a\":{\"b\":[1]}}",
                    "\"\\u0000\"",
                    "\"linear\"");
    private static final List<String> WORDS =
            List.of(
                    "&a ",
                    "*a",
                    "- ",
                    ": ",
                    "? ",
                    "!!int ",
                    "!!binary ",
                    "|\n",
                    ">\n",
                    "{",
                    "}",
                    "[",
                    "]",
                    "\"",
                    "'",
                    "#",
                    "\t",
                    "---\n",
                    "...\n",
                    "%YAML 9\n",
                    "<<: ",
                    "~",
                    "\u0000",
                    "\uFEFF",
                    "\u2028",
                    "1e999",
                    "0x1F",
                    ".nan",
                    "../",
                    "\n  ",
                    "mean",
                    "slerp",
                    "ties",
                    "null",
                    "weight");
    private static final List<String> SIZES =
            List.of(
                    "-0000000001\0",
                    "77777777777\0",
                    "00000000000\0",
                    "            ",
                    "-7777777777\0",
                    "\u0080\0\0\0\0\0\0\0\0\0\0\5",
                    "\u0080\0\0\0\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff",
                    "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00fe",
                    "0000000000x\0",
                    "00000000777\0",
                    "00000000001\0");
    private static final String TYPES = "0157LKxgSV2\0A";
    private static final int BLOCK = 512;

    private final Random random;
    private final ObjectMapper mapper = new ObjectMapper();

    Damage(Random random) {
        this.random = random;
    }

    <T> T any(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    /** Bytes changed, cut out, put in, repeated; or the end cut off. */
    byte[] bytes(byte[] from) {
        byte[] out = from.clone();
        for (int n = 1 + random.nextInt(4); n > 0 && out.length > 0; n--) {
            int at = random.nextInt(out.length);
            int length = Math.min(1 + random.nextInt(16), out.length - at);
            switch (random.nextInt(6)) {
                case 0 -> out[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> out[at] = any(List.of(0, 255, 127, 128, 1, 32)).byteValue();
                case 2 -> out = spliced(out, at, length, new byte[0]);
                case 3 -> out = spliced(out, at, 0, Arrays.copyOfRange(out, at, at + length));
                case 4 -> {
                    byte[] noise = new byte[length];
                    random.nextBytes(noise);
                    out = spliced(out, at, length, noise);
                }
                default -> out = random.nextInt(4) == 0 ? Arrays.copyOf(out, at) : out;
            }
        }
        return out;
    }

    /** A word of YAML put in, a line moved or repeated, or bytes as above. */
    byte[] yaml(byte[] from) {
        String text = new String(from, StandardCharsets.UTF_8);
        int at = random.nextInt(text.length() + 1);
        return switch (random.nextInt(4)) {
            case 0 -> bytes(from);
            case 1 -> {
                List<String> lines = new ArrayList<>(text.lines().toList());
                if (!lines.isEmpty()) {
                    String line = lines.remove(random.nextInt(lines.size()));
                    lines.add(random.nextInt(lines.size() + 1), line);
                    lines.add(random.nextInt(lines.size() + 1), random.nextBoolean() ? line : "");
                }
                yield utf8(String.join("\n", lines) + "\n");
            }
            case 2 -> utf8(text.replaceFirst("[0-9.]+", any(VALUES).replace("\\", "")));
            default -> utf8(text.substring(0, at) + any(WORDS) + text.substring(at));
        };
    }

    /** Fields of JSON replaced, removed or moved; seldom bytes. */
    byte[] json(byte[] from) throws IOException {
        if (random.nextInt(8) == 0) {
            return bytes(from);
        }
        JsonNode root = mapper.readTree(from);
        String marker = "@@";
        List<String> raw = new ArrayList<>();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            JsonNode at = root;
            while (at.size() > 0) {
                if (at instanceof ArrayNode array) {
                    int i = random.nextInt(array.size());
                    if (array.get(i).isContainerNode() && array.get(i).size() > 0) {
                        at = array.get(i);
                        continue;
                    }
                    array.set(i, marker + raw.size());
                    raw.add(any(VALUES));
                } else if (at instanceof ObjectNode object) {
                    List<String> names = new ArrayList<>();
                    object.fieldNames().forEachRemaining(names::add);
                    String name = any(names);
                    JsonNode value = object.get(name);
                    if (value.isContainerNode() && value.size() > 0 && random.nextBoolean()) {
                        at = value;
                        continue;
                    }
                    if (random.nextInt(6) == 0) {
                        object.remove(name);
                    } else {
                        object.put(name, marker + raw.size());
                        raw.add(any(VALUES));
                    }
                }
                break;
            }
        }
        String text = mapper.writeValueAsString(root);
        for (int i = raw.size() - 1; i >= 0; i--) {
            text = text.replace("\"" + marker + i + "\"", raw.get(i));
        }
        return utf8(text);
    }

    /** Header fields with the checksum set right, blocks dropped, repeated or swapped. */
    byte[] tar(byte[] from) {
        byte[] out = from.clone();
        for (int n = 1 + random.nextInt(3); n > 0 && out.length >= 2 * BLOCK; n--) {
            int at = random.nextInt(out.length / BLOCK) * BLOCK;
            switch (random.nextInt(7)) {
                case 0 -> put(out, at, 124, any(SIZES));
                case 1 -> put(out, at, 156, "" + TYPES.charAt(random.nextInt(TYPES.length())));
                case 2 -> put(out, at, random.nextInt(BLOCK), "" + (char) random.nextInt(256));
                case 3 -> out = spliced(out, at, BLOCK, new byte[0]);
                case 4 -> out = spliced(out, at, 0, Arrays.copyOfRange(out, at, at + BLOCK));
                case 5 ->
                        put(out, at, 0, any(List.of("a.png\0", "../x.json\0", ".\0", "\0", "/\0")));
                default -> out = bytes(out);
            }
        }
        return out;
    }

    private static void put(byte[] tar, int header, int at, String field) {
        byte[] data = field.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(data, 0, tar, header + at, Math.min(data.length, BLOCK - at));
        int sum = 8 * ' ';
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? 0 : tar[header + i] & 0xff;
        }
        byte[] check = "%06o\0 ".formatted(sum).getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(check, 0, tar, header + 148, 8);
    }

    private static byte[] spliced(byte[] from, int at, int length, byte[] with) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(from, 0, at);
        out.writeBytes(with);
        out.write(from, at + length, from.length - at - length);
        return out.toByteArray();
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
