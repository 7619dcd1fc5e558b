package org.diffusionsoup.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.diffusionsoup.core.torch.TorchWriter;

/**
 * Damages files in ways that reach deep into their readers: knows where a safetensors header, an
 * index, a pickle and a zip directory lie, and keeps the parts around them whole.
 */
final class Mutator {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        7,
        8,
        64,
        127,
        128,
        255,
        256,
        0xffff,
        0x10000,
        Integer.MAX_VALUE,
        0x80000000L,
        0xffffffffL,
        0x100000000L,
        1L << 40,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -8
    };
    private static final String[] JSON = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "NaN",
        "1e999",
        "-1",
        "4.0",
        "{}",
        "[]",
        "\"dtype\"",
        "\"shape\"",
        "\"data_offsets\"",
        "\"F8_E4M3\"",
        "\"BOOL\"",
        "\"__metadata__\"",
        "\"weight_map\"",
        "\"../x.safetensors\"",
        "\"a.safetensors\"",
        "\\u0000",
        "\\ud800",
        "\u00e4"
    };
    private static final String[] OPCODES = {
        "(",
        ")",
        "]",
        "}",
        "t",
        "R",
        "b",
        "Q",
        "u",
        "s",
        "e",
        "a",
        "0",
        "1",
        "2",
        ".",
        "N",
        "l",
        "d",
        "o",
        "h\0",
        "h\1",
        "q\0",
        "q\1",
        "K\0",
        "K\u00ff",
        "J\u00ff\u00ff\u00ff\u00ff",
        "\u0081",
        "\u0085",
        "\u0086",
        "\u0087",
        "\u0088",
        "\u008f",
        "\u0090",
        "\u0091",
        "\u0092",
        "\u0093",
        "\u0094",
        "\u008a\10\0\0\0\0\0\0\0\u0080",
        "X\1\0\0\0w",
        "\u008c\1x",
        "X\u00ff\u00ff\u00ff\u007f",
        "cposix\nsystem\n",
        "ccollections\nOrderedDict\n",
        "ctorch\nFloatStorage\n",
        "ctorch._utils\n_rebuild_tensor_v2\n",
        "ctorch._utils\n_rebuild_tensor_v3\n",
        "ctorch._utils\n_rebuild_parameter\n",
        "cnumpy\ndtype\n",
        "ios\nsystem\n",
        "P1\n",
        "\u0095\u00ff\u00ff\0\0\0\0\0\0"
    };

    private final Random random;

    Mutator(long seed) {
        random = new Random(seed);
    }

    byte[] mutate(Path name, byte[] input) {
        byte[] out = input;
        do {
            out = once(name, out);
        } while (random.nextInt(3) == 0);
        return out;
    }

    private byte[] once(Path name, byte[] in) {
        if (random.nextInt(6) == 0) {
            return bytes(in, 0, in.length);
        }
        if (name.toString().endsWith(".json")) {
            return text(in, JSON);
        }
        if (in.length > 4 && in[0] == 'P' && in[1] == 'K') {
            return random.nextInt(3) == 0 ? directory(in) : pickle(in);
        }
        return header(in);
    }

    private byte[] header(byte[] in) {
        if (in.length < 8) {
            return bytes(in, 0, in.length);
        }
        ByteBuffer b = ByteBuffer.wrap(in).order(ByteOrder.LITTLE_ENDIAN);
        long length = b.getLong(0);
        if (length < 0 || length > in.length - 8) {
            return bytes(in, 0, in.length);
        }
        int end = 8 + (int) length;
        byte[] json = text(Arrays.copyOfRange(in, 8, end), JSON);
        long told = random.nextInt(10) == 0 ? number() : json.length;
        ByteBuffer out =
                ByteBuffer.allocate(8 + json.length + in.length - end)
                        .order(ByteOrder.LITTLE_ENDIAN);
        return out.putLong(told).put(json).put(in, end, in.length - end).array();
    }

    private byte[] pickle(byte[] in) {
        Map<String, byte[]> entries = unzip(in);
        List<String> names = new ArrayList<>(entries.keySet());
        if (names.isEmpty()) {
            return directory(in);
        }
        String pkl =
                names.stream()
                        .filter(n -> n.endsWith("data.pkl"))
                        .findFirst()
                        .orElse(names.getFirst());
        switch (random.nextInt(12)) {
            case 0 -> entries.remove(names.get(random.nextInt(names.size())));
            case 1 -> {
                String n = names.get(random.nextInt(names.size()));
                entries.put(n, bytes(entries.get(n), 0, entries.get(n).length));
            }
            case 2 ->
                    entries.put("archive/data/" + random.nextInt(9), new byte[random.nextInt(99)]);
            default -> entries.put(pkl, text(entries.get(pkl), OPCODES));
        }
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            TorchWriter.zip(out, entries, ZipEntry.STORED);
            return out.toByteArray();
        } catch (IllegalArgumentException | IOException e) {
            return directory(in); // names that the writer does not take
        }
    }

    private static Map<String, byte[]> unzip(byte[] in) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try {
            Path temp = Files.createTempFile("fuzz", ".zip");
            try {
                Files.write(temp, in);
                try (ZipFile zip = new ZipFile(temp.toFile())) {
                    for (ZipEntry e : Collections.list(zip.entries())) {
                        if (e.getMethod() == ZipEntry.STORED) {
                            entries.put(e.getName(), zip.getInputStream(e).readNBytes(1 << 20));
                        }
                    }
                }
            } finally {
                Files.delete(temp);
            }
        } catch (IOException | RuntimeException e) {
            entries.clear(); // no longer a zip to the JDK
        }
        return entries;
    }

    /** The records of a zip: local headers, directory, end. */
    private byte[] directory(byte[] in) {
        List<Integer> records = new ArrayList<>();
        for (int i = 0; i + 4 <= in.length; i++) {
            if (in[i] == 'P' && in[i + 1] == 'K' && in[i + 2] < 8 && in[i + 3] < 9) {
                records.add(i);
            }
        }
        if (records.isEmpty()) {
            return bytes(in, 0, in.length);
        }
        int at = records.get(random.nextInt(records.size()));
        return bytes(in, at, Math.min(in.length, at + 60));
    }

    /** Swaps a number, inserts a token, removes or repeats a piece, or damages bytes. */
    private byte[] text(byte[] in, String[] tokens) {
        String s = new String(in, StandardCharsets.ISO_8859_1);
        int at = random.nextInt(s.length() + 1);
        int to = Math.min(s.length(), at + 1 + random.nextInt(40));
        String token =
                new String(
                        tokens[random.nextInt(tokens.length)].getBytes(StandardCharsets.ISO_8859_1),
                        StandardCharsets.ISO_8859_1);
        String out =
                switch (random.nextInt(6)) {
                    case 0 -> s.substring(0, at) + token + s.substring(at);
                    case 1 ->
                            s.substring(0, at)
                                    + token
                                    + s.substring(Math.min(s.length(), at + token.length()));
                    case 2 -> s.substring(0, at) + s.substring(to);
                    case 3 -> s.substring(0, to) + s.substring(at);
                    case 4 -> digits(s, at);
                    default -> "";
                };
        return out.isEmpty() ? bytes(in, 0, in.length) : out.getBytes(StandardCharsets.ISO_8859_1);
    }

    private String digits(String s, int near) {
        int at = near;
        while (at < s.length() && !Character.isDigit(s.charAt(at))) {
            at++;
        }
        int to = at;
        while (to < s.length() && Character.isDigit(s.charAt(to))) {
            to++;
        }
        return s.substring(0, at) + number() + s.substring(to);
    }

    private long number() {
        long n = NUMBERS[random.nextInt(NUMBERS.length)];
        return random.nextInt(3) == 0 ? n + random.nextInt(9) - 4 : n;
    }

    private byte[] bytes(byte[] in, int from, int to) {
        if (from >= to) {
            return new byte[random.nextInt(20)];
        }
        int at = from + random.nextInt(to - from);
        byte[] out = in.clone();
        switch (random.nextInt(6)) {
            case 0 -> out[at] = (byte) random.nextInt();
            case 1 -> out[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> {
                int width = 1 << random.nextInt(4);
                byte[] le =
                        ByteBuffer.allocate(8)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(number())
                                .array();
                System.arraycopy(le, 0, out, at, Math.min(width, out.length - at));
            }
            case 3 -> {
                return Arrays.copyOf(in, at);
            }
            case 4 -> {
                return Arrays.copyOf(in, in.length + 1 + random.nextInt(30));
            }
            default -> {
                int n = Math.min(random.nextInt(30), in.length - at);
                int source = random.nextInt(in.length - n + 1);
                System.arraycopy(in, source, out, at, n);
            }
        }
        return out;
    }
}
