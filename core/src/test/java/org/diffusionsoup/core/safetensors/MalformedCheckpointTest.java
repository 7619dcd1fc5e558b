package org.diffusionsoup.core.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MalformedCheckpointTest {
    private static final String A = "'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";

    @TempDir Path dir;

    /** Header (single quotes for double ones) and a word of the message; data is 16 bytes. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | end of data",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,17]}} | truncated",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[16,0]}} | 16 to 0",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[-1,15]}} | whole number from 0, found '-1'",
                "{'a':{'dtype':'F32','shape':[-4],'data_offsets':[0,16]}} | '-4' at byte 29",
                "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,16]}} | 12 bytes for F32[3]",
                "{'a':{'dtype':'F16','shape':[4],'data_offsets':[0,16]}} | 8 bytes for F16[4]",
                "{'a':{'dtype':'F33','shape':[4],'data_offsets':[0,16]}} | 'F33'",
                "{'a':{'dtype':3,'shape':[4],'data_offsets':[0,16]}} | a string",
                "{'a':{'dtype':'F32','shape':4,'data_offsets':[0,16]}} | an array",
                "{'a':{'dtype':'F32','shape':[4.0],'data_offsets':[0,16]}} | '4.0'",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16,16]}} | at most 2",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0]}} | two data_offsets",
                "{'a':{'dtype':'F32','shape':[4]}} | data_offsets",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16],'x':1}} | 'x'",
                "{'a':{'dtype':'F32','dtype':'F32','shape':[4],'data_offsets':[0,16]}} | duplicate",
                "{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,16]}} | 63",
                "{'a':{'dtype':'F64','shape':[2305843009213693952],'data_offsets':[0,16]}} | 63",
                "{'a':{'dtype':'F32','shape':[99999999999999999999],'data_offsets':[0,16]}} | below 2^63",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]}} {} | after",
                "{'__metadata__':{'a':1}} | a string",
                "{'__metadata__':{'a':'1','a':'2'}} | duplicate",
                "{'__metadata__':[]} | an object",
                "{'a':null} | 'null'",
                "{'a':[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]} | an object",
                "{'a':{'dtype':'F32','shape':[[[[[[[[[[[[[[[[[[[[[[4]]]]]]]]]] | whole number",
                "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]} | the end of the header",
                "[] | '{'",
                "{} | a file of 10 bytes",
            })
    void badHeadersNameWhatIsWrong(String header, String word) throws IOException {
        assertThatThrownBy(() -> SafetensorsFile.open(file(header, 16)))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("bad.safetensors")
                .hasMessageContaining(word);
    }

    @ParameterizedTest
    @CsvSource({"8,24,overlap", "0,16,overlap", "12,28,overlap", "17,33,hole", "20,36,hole"})
    void overlapsAndHolesAreFound(int begin, int end, String word) throws IOException {
        String first = "'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]}";
        String second =
                "'b':{'dtype':'F32','shape':[4],'data_offsets':[%d,%d]}".formatted(begin, end);
        Path file = file("{" + second + "," + first + "}", 40);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .asInstanceOf(type(MalformedCheckpointException.class))
                .satisfies(e -> {
                    assertThat(e.file()).isEqualTo(file);
                    assertThat(e.where()).startsWith("tensor '");
                    assertThat(e.actual()).contains(word);
                    assertThat(e.expected()).isNotEmpty();
                });
    }

    @Test
    void duplicateTensorsAreFound() throws IOException {
        Path file = file("{" + A + "," + A + "}", 8);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("tensor 'a'")
                .hasMessageContaining("duplicate");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE, 1000})
    void impossibleHeaderLengthsCostNothing(long length) throws IOException {
        Path file = dir.resolve("bad.safetensors");
        ByteBuffer bytes = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(file, bytes.array());
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("offset");
    }

    @Test
    void aHugeDeepHeaderIsRefusedQuickly() throws IOException {
        Path deep = file("{'a':{'dtype':" + "[".repeat(20_000_000), 0);
        Path wide = file("{'a':{'dtype':'F32','shape':[" + "1,".repeat(10_000_000), 0);
        Path name = file("{'" + "n".repeat(20_000_000) + "':{'dtype':'F32'}}", 0);
        for (Path p : List.of(deep, wide, name)) {
            Assertions.assertTimeout(
                    Duration.ofSeconds(5),
                    () ->
                            assertThatThrownBy(() -> SafetensorsFile.open(p))
                                    .isInstanceOf(MalformedCheckpointException.class)
                                    .satisfies(
                                            e -> assertThat(e.getMessage()).hasSizeLessThan(1500)));
        }
    }

    @Test
    void everyTruncationIsTheTypedException() throws IOException {
        byte[] good = good();
        Path file = dir.resolve("cut.safetensors");
        for (int n = 0; n < good.length; n++) {
            Files.deleteIfExists(file);
            Files.write(file, Arrays.copyOf(good, n));
            assertThatThrownBy(() -> SafetensorsFile.open(file).close())
                    .as("cut to %d bytes", n)
                    .isInstanceOf(MalformedCheckpointException.class);
        }
        Files.write(file, Arrays.copyOf(good, good.length + 1));
        assertThatThrownBy(() -> SafetensorsFile.open(file).close())
                .isInstanceOf(MalformedCheckpointException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void damagedBytesGiveTheTypedExceptionOrAReadableFile(long seed) throws IOException {
        byte[] good = good();
        int header = (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong() + 8;
        Random random = new Random(seed);
        Path file = dir.resolve("hurt.safetensors");
        byte[] likely = "0123456789{}[]\",:-\\eE.\0\u00ff".getBytes(StandardCharsets.ISO_8859_1);
        int refused = 0;
        for (int round = 0; round < 1500; round++) {
            byte[] b = good.clone();
            for (int k = random.nextInt(3); k >= 0; k--) {
                int at = random.nextInt(header);
                b[at] =
                        random.nextBoolean()
                                ? likely[random.nextInt(likely.length)]
                                : (byte) random.nextInt();
            }
            // A new file each time: rewriting one makes the file system flush it.
            Files.deleteIfExists(file);
            Files.write(file, b);
            try (SafetensorsFile f = SafetensorsFile.open(file)) {
                for (TensorInfo t : f.tensors().values()) {
                    assertThat(f.data(t.name()).byteSize()).isEqualTo(t.byteSize());
                }
            } catch (MalformedCheckpointException e) {
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + " round " + round, e);
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    @Test
    void missingFilesAndFoldersAreOneSentence() {
        assertThatThrownBy(() -> SafetensorsFile.open(dir.resolve("no")))
                .isInstanceOf(SoupIoException.class)
                .hasMessageContaining("no such file");
        assertThatThrownBy(() -> SafetensorsFile.open(dir))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("is a folder");
    }

    @Test
    void filesAboveTwoGibibytesAreReadToTheirEnd() throws IOException {
        long n = 3L << 30;
        Path file =
                file("{'a':{'dtype':'U8','shape':[%d],'data_offsets':[0,%d]}}".formatted(n, n), 0);
        try (FileChannel c = FileChannel.open(file, StandardOpenOption.WRITE)) {
            // A hole in the file: it takes no space on disk.
            c.write(ByteBuffer.wrap(new byte[] {42}), c.size() + n - 1);
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            assertThat(f.data("a").byteSize()).isEqualTo(n);
            assertThat(f.data("a").get(ValueLayout.JAVA_BYTE, n - 1)).isEqualTo((byte) 42);
            assertThatThrownBy(() -> f.data("a").set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
                    .isInstanceOf(IllegalArgumentException.class);
        } finally {
            Files.delete(file);
        }
    }

    private byte[] good() throws IOException {
        Path p = dir.resolve("good");
        SafetensorsWriter.write(
                p,
                Map.of("format", "pt", "k", "väl\"ue"),
                List.of(
                        TensorEntry.ofFloats("unet.conv.weight", new long[] {2, 1, 2}, 1, 2, 3, 4),
                        new TensorEntry("n", DType.I64, new long[0], TensorBytes.of(7L)),
                        TensorEntry.ofFloats("empty", new long[] {0, 3})));
        return Files.readAllBytes(p);
    }

    private Path file(String header, int dataBytes) throws IOException {
        byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        Path p = Files.createTempDirectory(dir, "d").resolve("bad.safetensors");
        ByteBuffer b =
                ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(p, b.putLong(json.length).put(json).array());
        return p;
    }
}
