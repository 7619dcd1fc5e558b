package org.diffusionsoup.core.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.FileContent;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Shapes;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * The checked header of a safetensors file. Every number is checked before it is used for an
 * allocation or an address, so that a hostile file costs at most the size limit of a header.
 */
record SafetensorsHeader(Map<String, String> metadata, LinkedHashMap<String, TensorInfo> tensors) {
    static final String METADATA = "__metadata__";
    private static final int MAX_RANK = 64;

    private static final String DTYPES =
            String.join(", ", Arrays.stream(DType.values()).map(DType::name).toList());

    /** Dtypes of the format that no arithmetic is defined for here: packed, scaled or complex. */
    private static final Set<String> OTHER_DTYPES =
            Set.of("F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64");

    private static final int MAX_NAME = 1_000_000;

    static SafetensorsHeader read(Path path, FileChannel channel, long size) throws IOException {
        if (size < 8) {
            throw new MalformedCheckpointException(
                    path, "offset 0", "8 bytes of header length", "a file of " + size + " bytes");
        }
        long length = readFully(path, channel, 0, 8).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        if (length < 2 || length > FileContent.MAX_HEADER) {
            throw new MalformedCheckpointException(
                    path,
                    "offset 0",
                    "a header length from 2 to " + FileContent.MAX_HEADER,
                    Long.toUnsignedString(length));
        }
        if (length > size - 8) {
            throw new MalformedCheckpointException(
                    path,
                    "offset 8",
                    "a header of " + length + " bytes",
                    "only " + (size - 8) + " bytes (truncated file)");
        }
        ByteBuffer json = readFully(path, channel, 8, (int) length);
        if (json.get(0) != '{') {
            throw new MalformedCheckpointException(
                    path, "offset 8", "'{'", "byte " + (json.get(0) & 0xff));
        }
        return new Parser(path, 8 + length, size).parse(json.array());
    }

    private static ByteBuffer readFully(Path path, FileChannel channel, long position, int length)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new MalformedCheckpointException(
                        path,
                        "offset " + position,
                        length + " bytes",
                        "only " + buffer.position() + " bytes (truncated file)");
            }
        }
        return buffer.flip();
    }

    /** One parse of one header; {@code dataStart} is the absolute offset of the first data byte. */
    private record Parser(Path path, long dataStart, long fileSize) {

        SafetensorsHeader parse(byte[] json) {
            Map<String, String> metadata = Map.of();
            List<TensorInfo> found = new ArrayList<>();
            Set<String> names = new HashSet<>();
            HeaderText p = new HeaderText(json);
            String where = "header";
            try {
                p.openObject();
                for (boolean first = true; p.nextMember(first); first = false) {
                    where = "header";
                    String name = p.name();
                    where = name.equals(METADATA) ? METADATA : "tensor '" + shortened(name) + "'";
                    if (!names.add(name)) {
                        throw bad(where, "one entry", "a duplicate key");
                    }
                    if (name.equals(METADATA)) {
                        metadata = metadata(p);
                    } else {
                        found.add(tensor(p, name, where));
                    }
                }
                where = "header";
                p.end();
            } catch (HeaderText.Bad e) {
                throw bad(where, e.expected(), e.actual());
            }
            return new SafetensorsHeader(metadata, layOut(found));
        }

        private static String shortened(String name) {
            return name.length() <= 300 ? name : name.substring(0, 300) + "…";
        }

        private Map<String, String> metadata(HeaderText p) throws HeaderText.Bad {
            Map<String, String> m = new TreeMap<>();
            p.openObject();
            for (boolean first = true; p.nextMember(first); first = false) {
                String key = p.name();
                if (m.put(key, p.string()) != null) {
                    throw bad(
                            METADATA + " '" + shortened(key) + "'", "one entry", "a duplicate key");
                }
            }
            return Collections.unmodifiableMap(m);
        }

        private TensorInfo tensor(HeaderText p, String name, String where) throws HeaderText.Bad {
            if (name.length() > MAX_NAME) {
                throw bad(where, "a name of at most " + MAX_NAME + " characters", "a longer one");
            }
            String dtypeName = null;
            long[] shape = null;
            long[] offsets = null;
            p.openObject();
            for (boolean first = true; p.nextMember(first); first = false) {
                String key = p.name();
                boolean twice;
                switch (key) {
                    case "dtype" -> {
                        twice = dtypeName != null;
                        dtypeName = p.string();
                    }
                    case "shape" -> {
                        twice = shape != null;
                        shape = longs(p, where, MAX_RANK);
                    }
                    case "data_offsets" -> {
                        twice = offsets != null;
                        offsets = longs(p, where, 2);
                    }
                    default ->
                            throw bad(
                                    where,
                                    "dtype, shape, data_offsets",
                                    "'" + shortened(key) + "'");
                }
                if (twice) {
                    throw bad(where, "one " + key, "a duplicate key");
                }
            }
            String needed = "dtype, shape and two data_offsets";
            if (dtypeName == null || shape == null || offsets == null) {
                String first = shape == null ? "shape" : "data_offsets";
                throw bad(where, needed, "no " + (dtypeName == null ? "dtype" : first));
            }
            if (offsets.length != 2) {
                throw bad(where, needed, offsets.length + " of them");
            }
            String wanted = dtypeName;
            if (OTHER_DTYPES.contains(wanted)) {
                throw new SoupException(
                        path
                                + ": tensor '"
                                + shortened(name)
                                + "' has the dtype "
                                + wanted
                                + ", which is not read; the dtypes that are: "
                                + DTYPES
                                + ". Use a file of the same model in one of these.");
            }
            DType dtype =
                    DType.ofSafetensorsName(wanted)
                            .orElseThrow(() ->
                                    bad(
                                            where,
                                            "one of the dtypes " + DTYPES,
                                            "'" + shortened(wanted) + "'"));
            return place(where, name, dtype, shape, offsets[0], offsets[1]);
        }

        private TensorInfo place(
                String where, String name, DType dtype, long[] shape, long begin, long end) {
            long bytes;
            try {
                bytes = Shapes.byteSize(dtype, shape);
            } catch (ArithmeticException e) {
                throw bad(where, "a size that fits 63 bits", dtype + Arrays.toString(shape));
            }
            long available = fileSize - dataStart;
            if (begin > end || end > available) {
                String range = begin + " to " + end;
                String truncated = end > available ? " (truncated file?)" : "";
                throw bad(where, "offsets within " + available + " data bytes", range + truncated);
            }
            if (end - begin != bytes) {
                throw bad(
                        where,
                        bytes + " bytes for " + dtype + Arrays.toString(shape),
                        (end - begin) + " bytes");
            }
            return new TensorInfo(name, dtype, shape, dataStart + begin, bytes);
        }

        /** Orders tensors by offset and checks that they cover the data without gap or overlap. */
        private LinkedHashMap<String, TensorInfo> layOut(List<TensorInfo> found) {
            found.sort(Parser::byPlace);
            LinkedHashMap<String, TensorInfo> tensors =
                    LinkedHashMap.newLinkedHashMap(found.size());
            long next = dataStart;
            for (TensorInfo t : found) {
                if (t.offset() != next) {
                    throw bad(
                            "tensor '" + t.name() + "'",
                            "data starting at offset " + next + " of the file",
                            t.offset() + (t.offset() < next ? " (overlap)" : " (hole)"));
                }
                next += t.byteSize();
                tensors.put(t.name(), t);
            }
            if (next != fileSize) {
                throw bad("end of data", "a file of " + next + " bytes", fileSize + " bytes");
            }
            return tensors;
        }

        private static int byPlace(TensorInfo a, TensorInfo b) {
            int offsets = Long.compare(a.offset(), b.offset());
            if (offsets != 0) {
                return offsets;
            }
            int sizes = Long.compare(a.byteSize(), b.byteSize());
            return sizes != 0 ? sizes : a.name().compareTo(b.name());
        }

        private long[] longs(HeaderText p, String where, int limit) throws HeaderText.Bad {
            long[] values = new long[limit];
            int n = 0;
            p.openArray();
            for (boolean first = true; p.nextElement(first); first = false) {
                long value = p.number();
                if (n == limit) {
                    throw bad(where, "at most " + limit + " numbers", "more");
                }
                values[n++] = value;
            }
            return Arrays.copyOf(values, n);
        }

        private MalformedCheckpointException bad(String where, String expected, String actual) {
            return new MalformedCheckpointException(path, where, expected, actual);
        }
    }
}
