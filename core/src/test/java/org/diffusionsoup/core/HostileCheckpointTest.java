package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.torch.TorchFileTest;
import org.diffusionsoup.core.torch.TorchWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files made to do harm: each is one typed exception, quickly and in little memory. {@link
 * MalformedCheckpointTest} has the headers of safetensors files.
 */
class HostileCheckpointTest {
    private static final long MB = 1 << 20;

    /** Far below any of the sizes claimed; most of it is what a first use of a class takes. */
    private static final long FLAT = 16 * MB;

    private static final long TB = 1L << 40;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir Path dir;

    private Path file() {
        return dir.resolve("x.ckpt");
    }

    private static void refused(Path path, long memory, String... words) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        long start = System.nanoTime();
        Throwable thrown = catchThrowable(() -> Checkpoint.open(path).close());
        double seconds = (System.nanoTime() - start) / 1e9;
        long used = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(thrown).isInstanceOf(SoupException.class);
        assertThat(thrown.getMessage()).contains(words).hasSizeLessThan(1500);
        assertThat(used).as("bytes allocated").isLessThan(memory);
        assertThat(seconds).as("seconds").isLessThan(10);
    }

    private static Path sparse(Path file, byte[] start, long size) throws IOException {
        Files.write(file, start);
        try (FileChannel c = FileChannel.open(file, StandardOpenOption.WRITE)) {
            c.write(ByteBuffer.allocate(1), size - 1);
        }
        return file;
    }

    private static byte[] header(String json) {
        byte[] text = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return le(8 + text.length).putLong(text.length).put(text).array();
    }

    private static ByteBuffer le(int n) {
        return ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void aTerabyteClaimedOrSparseCostsNothing() throws IOException {
        String claim = "{'a':{'dtype':'U8','shape':[%1$d],'data_offsets':[0,%1$d]}}";
        byte[] small = header(claim.formatted(TB));
        refused(Files.write(file(), small), FLAT, "tensor 'a'", "truncated");

        // A true sparse terabyte is a valid file: read in pieces, it takes no memory either.
        Path big = sparse(dir.resolve("big.safetensors"), small, small.length + TB);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try (Arena arena = Arena.ofConfined();
                Checkpoint c = Checkpoint.open(big)) {
            MemorySegment end = arena.allocate(8);
            c.part("").read("a", TB - 8, end);
            assertThat(end.get(ValueLayout.JAVA_LONG, 0)).isZero();
        }
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isLessThan(FLAT);
        Files.delete(big);

        refused(sparse(file(), new byte[] {'P', 'K', 3, 4}, TB), FLAT, "end of a zip");
        refused(sparse(file(), header("{}"), TB), FLAT, "a file of 10 bytes");
        Path index = dir.resolve("m.safetensors.index.json");
        refused(sparse(index, new byte[] {'{'}, TB), FLAT, "too large");
    }

    @Test
    void headersBeyondTheLimitAreNotReadAndThoseBelowAreBounded() throws IOException {
        byte[] over = le(9).putLong(100_000_001).put((byte) '{').array();
        refused(sparse(file(), over, 200_000_000), FLAT, "100000000");
        byte[] full = le(9).putLong(100_000_000).put((byte) '{').array();
        refused(sparse(file(), full, 200_000_000), 700 * MB, "a string", "the byte 0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "", "a\\u0000b", "\\u202e", "../../etc/passwd"})
    void oddNamesAreOnlyNames(String name) throws IOException {
        String json = "{'" + name + "':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}";
        byte[] head = header(json);
        Files.write(file(), Arrays.copyOf(head, head.length + 1));
        try (Checkpoint c = Checkpoint.open(file())) {
            assertThat(c.part("").tensors()).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"w\\ud800", "\\udf72", "\\ud83cw", "\\ud83c\\ud83c\\udf72"})
    void halfASurrogatePairIsNoName(String name) throws IOException {
        String json = "{'" + name + "':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}";
        byte[] head = header(json);
        Files.write(file(), Arrays.copyOf(head, head.length + 1));
        refused(file(), FLAT, "half a surrogate pair");
    }

    @Test
    void textThatIsNoTextIsRefused() throws IOException {
        byte[] head = header("{'x':{'dtype':'U8','shape':[0],'data_offsets':[0,0]}}");
        head[10] = (byte) 0xff;
        refused(Files.write(file(), head), FLAT, "UTF-8");
        refused(
                Files.write(file(), header("{'x':{'dtype':'U8','shape':[NaN]}}")),
                FLAT,
                "a whole number",
                "'NaN' at byte 28");
        TorchWriter w = new TorchWriter().op("}(").op("X").raw(1, 0, 0, 0, 0xff);
        refused(w.op("Nu.").save(file()), FLAT, "UTF-8", "pickle offset 9");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | weight_map",
                "{'weight_map':{}} | weight_map",
                "{'weight_map':[]} | weight_map",
                "{'weight_map':{'w':'../a.safetensors'}} | ../a",
                "{'weight_map':{'w':'/etc/passwd'}} | /etc/passwd",
                "{'weight_map':{'w':'none.safetensors'}} | none.safetensors",
                "{'weight_map':{'w':'a.safetensors','x':'a.safetensors'}} | tensor 'x'",
                "{'weight_map':{'w':'a.safetensors','w':'a.safetensors'}} | Duplicate",
                "{'weight_map':{'w':3}} | 'w'",
                "{'weight_map':{'w':'\\ud800.safetensors'}} | encoding",
                "{'weight_map':{'v':'a.safetensors'}} | 'v'",
                "{'weight_map':{'w':'a.safetensors'} | JSON",
            })
    void indexesThatDoNotFitTheirFiles(String json, String word) throws IOException {
        Path index = dir.resolve("m.safetensors.index.json");
        Files.writeString(index, json.replace('\'', '"'));
        byte[] head = header("{'w':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}");
        Files.write(dir.resolve("a.safetensors"), Arrays.copyOf(head, head.length + 1));
        refused(index, FLAT, word);
    }

    @Test
    void aDeepIndexIsRefused() throws IOException {
        Path index = dir.resolve("m.safetensors.index.json");
        Files.writeString(index, "{\"a\":" + "[".repeat(10_000_000));
        refused(index, 64 * MB, "JSON");
    }

    private byte[] good() throws IOException {
        return Files.readAllBytes(TorchWriter.withW().op("u.").save(dir.resolve("good.pt")));
    }

    private static int find(byte[] bytes, int signature, int nth) {
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int seen = 0;
        for (int i = 0; i + 4 <= bytes.length; i++) {
            if (b.getInt(i) == signature && seen++ == nth) {
                return i;
            }
        }
        throw new IllegalArgumentException("no such record");
    }

    /** Which record (c: directory, e: end, l: local), which field, its new 16-bit value. */
    @ParameterizedTest
    @CsvSource({
        "c, 8, 1, encrypted",
        "c, 10, 8, deflated",
        "c, 10, 99, method 99",
        "c, 20, 7, one size",
        "c, 22, 4096, one size",
        "c, 24, 7, one size",
        "c, 28, 9, repeats the directory",
        "c, 28, 65535, half an entry",
        "c, 30, 2, offset",
        "c, 42, 3, repeats the directory",
        "c, 44, 32767, before the directory",
        "c, 0, 0, an entry",
        "e, 4, 1, one disk",
        "e, 8, 2, one disk",
        "e, 10, 2, one disk",
        "e, 12, 7, a directory",
        "e, 16, 7, a directory",
        "e, 18, 32767, a directory",
        "e, 20, 5, end of a zip",
        "l, 0, 0, neither",
        "l, 6, 1, repeats the directory",
        "l, 8, 8, repeats the directory",
        "l, 18, 7, the same number",
        "l, 26, 3, repeats the directory",
        "l, 28, 60000, before the directory",
        "l, 30, 0, repeats the directory",
    })
    void zipDirectoriesThatLie(char record, int field, int value, String word) throws IOException {
        byte[] bytes = good();
        int signature = record == 'c' ? 0x02014b50 : record == 'e' ? 0x06054b50 : 0x04034b50;
        int at = find(bytes, signature, 0) + field;
        bytes[at] = (byte) value;
        bytes[at + 1] = (byte) (value >> 8);
        refused(Files.write(file(), bytes), FLAT, word);
    }

    @Test
    void entriesThatShareBytesOrNamesAreRefused() throws IOException {
        byte[] bytes = good();
        // The second directory entry tells of the first one's bytes: a bomb of overlaps.
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int first = find(bytes, 0x02014b50, 0);
        int second = find(bytes, 0x02014b50, 1);
        byte[] twice = bytes.clone();
        System.arraycopy(twice, first, twice, second, 46);
        refused(Files.write(file(), twice), FLAT, "directory");
        Map<String, byte[]> inner = new LinkedHashMap<>();
        inner.put("archive/data.pkl", TorchWriter.withW().op("u.").pickle());
        // A whole archive inside an entry: its inner headers are reached by a lying offset.
        inner.put("archive/data/0", bytes);
        byte[] nested = Files.readAllBytes(TorchWriter.zip(file(), inner, ZipEntry.STORED));
        ByteBuffer n = ByteBuffer.wrap(nested).order(ByteOrder.LITTLE_ENDIAN);
        int innerHeader = find(nested, 0x04034b50, 2);
        int entry = find(nested, 0x02014b50, n.getShort(nested.length - 12) + 1);
        n.putInt(entry + 42, innerHeader);
        n.putInt(entry + 20, b.getInt(18)).putInt(entry + 24, b.getInt(22));
        refused(Files.write(file(), nested), FLAT, "zip");
    }

    @Test
    void bombsOfAllKinds() throws IOException {
        byte[] zeros = new byte[(int) (70 * MB)];
        refused(
                TorchWriter.zip(file(), Map.of("a/data.pkl", zeros), ZipEntry.DEFLATED),
                FLAT,
                "a/data.pkl",
                "deflated");
        refused(
                TorchWriter.zip(file(), Map.of("a/data.pkl", zeros), ZipEntry.STORED),
                FLAT,
                "at most 67108864 bytes");
        pickle("]".repeat(3_000_000), 300 * MB, "opcodes");
        pickle("}".repeat(1_900_000), 300 * MB, "truncated");
        pickle("(".repeat(1_900_000), 100 * MB, "truncated");
        pickle("]" + "2a".repeat(900_000) + ".", 100 * MB, "a list");
        pickle("]q\0" + "h\0a".repeat(500_000) + ".", 100 * MB, "a list");
        pickle("}q\0(" + "Nh\0".repeat(300_000) + "u.", 100 * MB, "None");
        pickle("Nr\u00ff\u00ff\u00ff\u007f.", FLAT, "memo index");
        pickle("X\u00ff\u00ff\u00ff\u00ff.", FLAT, "4294967295 more bytes");
        pickle("B\u00ff\u00ff\u00ff\u00ff.", FLAT, "4294967295 more bytes");
        pickle("\u008e" + "\u00ff".repeat(8), FLAT, "18446744073709551615 more bytes");
        pickle("I" + "9".repeat(20_000) + "\n.", FLAT, "line");
        pickle("N.N.", FLAT, "nothing after the end");
        pickle("0.", FLAT, "a value on the stack");
        pickle("(1.", FLAT, "a value on the stack");
        pickle("N(0.", FLAT, "a value on the stack");
        pickle("N(a.", FLAT, "a value on the stack");
        pickle("u.", FLAT, "a mark");
        pickle("h\5.", FLAT, "memoized");
        pickle("\u00ee.", FLAT, "opcode");
        pickle("\u0097.", FLAT, "opcode");
        pickle("\u0080\t.", FLAT, "protocol 9");
        pickle("}K\1K\2s.", FLAT, "an integer as a tensor's name");
        pickle(".", FLAT, "stack");
        pickle("K\1.", FLAT, "an integer");
    }

    private void pickle(String latin1, long memory, String word) {
        byte[] bytes = latin1.getBytes(StandardCharsets.ISO_8859_1);
        TorchWriter.zip(file(), Map.of("a/data.pkl", bytes), ZipEntry.STORED);
        refused(file(), memory, word);
    }

    /** Claimed elements, offset, shape, strides of a tensor whose storage has 8 bytes. */
    @ParameterizedTest
    @CsvSource({
        "3, 0, 3, 1, a storage of 12 bytes",
        "2, 0, 3, 1, within its storage",
        "2, 1, 2, 1, within its storage",
        "2, -1, 2, 1, an offset from 0",
        "2, 0, -2, 1, from 0",
        "2, 0, 2, -1, from 0",
        "2, 0, 2, 9223372036854775807, 63 bits",
        "2, 9223372036854775807, 2, 1, 63 bits",
        "2, 0, 9223372036854775807, 0, 63 bits",
        "2, 0, 1152921504606846976, 0, 16 times",
        "2, 0, 1099511627776, 0, 16 times",
        "9223372036854775807, 0, 2, 1, 63 bits",
        "-1, 0, 2, 1, persistent id",
    })
    void tensorsThatDoNotFitTheirStorage(
            long elements, long offset, long shape, long stride, String word) {
        TorchWriter w = new TorchWriter().op("}(").text("w");
        w.tensor("0", elements, offset, new long[] {shape}, new long[] {stride}).op("u.");
        w.storage("0", new byte[8]).save(file());
        refused(file(), FLAT, word);
    }

    @Test
    void tensorsOfOtherOddKinds() {
        TorchWriter missing = TorchWriter.withW().text("x");
        missing.tensor("9", 2, 0, new long[] {2}, new long[] {1}).op("u.").save(file());
        refused(file(), FLAT, "tensor 'x'", "data/9");
        TorchWriter rank = new TorchWriter().op("}(").text("w");
        rank.tensor("0", 2, 0, new long[65], new long[65]).op("u.").save(file());
        refused(file(), FLAT, "at most 64");
        TorchWriter uneven = new TorchWriter().op("}(").text("w");
        uneven.tensor("0", 2, 0, new long[2], new long[1]).op("u.").save(file());
        refused(file(), FLAT, "as many strides");
        TorchWriter many = new TorchWriter().op("}(");
        for (int i = 0; i < 1000; i++) {
            many.text("t" + i).tensor("0", 1 << 16, 0, new long[] {1 << 16}, new long[] {1});
        }
        many.storage("0", new byte[4 << 16]).op("u.").save(file());
        refused(file(), 64 * MB, "16 times");
    }

    @Test
    void archivesOfOtherKindsAreNamed() {
        byte[] pickle = TorchWriter.withW().op("u.").pickle();
        byte[] storage = TorchWriter.floats(1, 1);
        archive(Map.of("a/other", pickle), "NAME/data.pkl");
        archive(Map.of("data.pkl", pickle), "NAME/data.pkl");
        archive(Map.of("a/data.pkl", pickle, "b/data.pkl", pickle), "one folder");
        archive(Map.of("a/data.pkl", pickle, "a/constants.pkl", pickle), "TorchScript");
        archive(
                Map.of(
                        "a/data.pkl",
                        pickle,
                        "a/data/0",
                        storage,
                        "a/byteorder",
                        "big".getBytes(StandardCharsets.UTF_8)),
                "'big'");
    }

    private void archive(Map<String, byte[]> entries, String word) {
        refused(TorchWriter.zip(file(), entries, ZipEntry.STORED), FLAT, word);
    }

    @Test
    void everyTruncationAndTrailingBytesOfATorchFileAreNoticed() throws IOException {
        byte[] good = Files.readAllBytes(TorchFileTest.REAL.resolve("module.bin"));
        for (int n = 0; n < good.length; n += 1 + n / 40) {
            refused(Files.write(file(), Arrays.copyOf(good, n)), FLAT, "x.ckpt");
        }
        refused(Files.write(file(), Arrays.copyOf(good, good.length + 1)), FLAT, "end of a zip");
        byte[] shifted = new byte[good.length + 4];
        System.arraycopy(good, 0, shifted, 4, good.length);
        System.arraycopy(good, 0, shifted, 0, 4);
        refused(Files.write(file(), shifted), FLAT, "offset");
    }
}
