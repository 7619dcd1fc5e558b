package org.diffusionsoup.core.soup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ingredients that nobody hashed before are hashed while they are averaged. */
class LateHashesTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    @TempDir Path dir;

    private final Set<String> stages = new ConcurrentSkipListSet<>();

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theFirstMergeGivesTheBytesOfTheRememberedOne(int threads) throws Exception {
        List<SoupIngredient> in = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            in.add(SoupIngredient.of(model("m" + i, 10L * threads + i, false)));
        }
        Thread.sleep(2_100); // at rest: what changed a moment ago is not remembered
        HashCache cache = HashCache.in(dir.resolve("cache"));
        Path first = merged(in, "first", cache, threads);
        assertThat(stages).containsExactly("averaging");
        in.forEach(i -> assertThat(cache.knows(i.path())).isTrue());
        in.forEach(i -> assertThat(cache.sha256(i.path())).isEqualTo(Hashes.sha256(i.path())));
        Path second = merged(in, "second", cache, threads);
        assertThat(stages).as("asked of the cache").contains("hashing");
        assertThat(first).hasSameBinaryContentAs(second);
        String recipe = SafetensorsFile.open(first).metadata().toString();
        in.forEach(i -> assertThat(recipe).contains(Hashes.sha256(i.path())));
        assertThat(merged(in, "third", HashCache.none(), threads)).hasSameBinaryContentAs(second);
    }

    @Test
    void aSumIsKeptUnderTheRightHashes() throws IOException {
        List<SoupIngredient> in = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            in.add(SoupIngredient.of(model("m" + i, 40 + i, false)));
        }
        Path soup = dir.resolve("soup");
        SoupOptions keep = SoupOptions.DEFAULT.withThreads(2).withKeepSum(true);
        Souper.with(keep).make(in, soup);
        Path less = dir.resolve("less");
        new SoupAdjuster(keep)
                .exactly(
                        new SoupAdjuster.Request(soup, List.of(in.get(1).path()), List.of(), less));
        assertThat(less)
                .hasSameBinaryContentAs(
                        merged(List.of(in.get(0), in.get(2)), "rest", HashCache.none(), 1));
    }

    @Test
    void aFileInAnOrderOfItsOwnIsHashedBefore() throws IOException {
        List<SoupIngredient> in =
                List.of(
                        SoupIngredient.of(model("one", 1, false)),
                        SoupIngredient.of(model("two", 2, true)),
                        SoupIngredient.of(model("three", 3, false)));
        HashCache cache = HashCache.in(dir.resolve("cache"));
        Path first = merged(in, "first", cache, 2);
        assertThat(stages).contains("hashing", "averaging");
        assertThat(first).hasSameBinaryContentAs(merged(in, "second", cache, 2));
        String recipe = SafetensorsFile.open(first).metadata().toString();
        in.forEach(i -> assertThat(recipe).contains(Hashes.sha256(i.path())));
    }

    @Test
    void damageIsSaidAndNobodyWaitsForEver() throws IOException {
        Path bad = model("bad", 5, false);
        try (SafetensorsFile f = SafetensorsFile.open(bad)) {
            long at = f.tensor("t3").offset();
            try (var c =
                    java.nio.channels.FileChannel.open(
                            bad, java.nio.file.StandardOpenOption.WRITE)) {
                c.write(
                        ByteBuffer.allocate(2)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putShort((short) 0x7e00)
                                .flip(),
                        at);
            }
        }
        List<SoupIngredient> in =
                List.of(
                        SoupIngredient.of(model("good", 6, false)),
                        SoupIngredient.of(bad),
                        SoupIngredient.of(model("fine", 7, false)));
        assertTimeoutPreemptively(
                LONG,
                () ->
                        assertThatThrownBy(() -> merged(in, "soup", HashCache.none(), 3))
                                .isInstanceOf(SoupException.class)
                                .hasMessageContaining("'t3' of " + bad));
        assertThat(dir.resolve("soup")).doesNotExist();
    }

    @Test
    void piecesOfSeveralThreadsAreHashedInTheirOrder() throws Exception {
        byte[] all = new byte[100_000];
        new Random(1).nextBytes(all);
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            numbers.add(i);
        }
        TurnDigest digest = new TurnDigest();
        try (var pool = Executors.newFixedThreadPool(100)) {
            Collections.shuffle(numbers, new Random(2));
            for (int n : numbers) {
                pool.submit(() -> update(digest, n, all));
            }
        }
        assertThat(digest.hex()).isEqualTo(Hashes.sha256Hex(all));
        assertThat(digest.bytes()).isEqualTo(all.length);

        TurnDigest broken = new TurnDigest();
        try (var pool = Executors.newFixedThreadPool(3)) {
            Future<?> waits = pool.submit(() -> update(broken, 2, all));
            pool.submit(() -> broken.failed(1)).get();
            assertThatThrownBy(waits::get).hasCauseInstanceOf(SoupException.class);
            pool.submit(() -> update(broken, 0, all)).get();
        }
    }

    private static void update(TurnDigest digest, int number, byte[] all) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocate(1000);
            piece.copyFrom(MemorySegment.ofArray(all).asSlice(number * 1000L, 1000));
            digest.update(number, piece);
        }
    }

    private Path merged(List<SoupIngredient> in, String name, HashCache cache, int threads) {
        stages.clear();
        SoupOptions options =
                SoupOptions.DEFAULT
                        .withThreads(threads)
                        .withHashes(cache)
                        .withProgress((what, done, of) -> stages.add(what));
        Path out = dir.resolve(name);
        // little memory, so that every tensor is read in several pieces
        Souper.with(options).bufferBytes(threads * 64L << 10).make(in, out);
        return out;
    }

    private Path model(String name, long seed, boolean backwards) throws IOException {
        Path file = dir.resolve(name + ".safetensors");
        Random random = new Random(seed);
        List<TensorEntry> tensors = new ArrayList<>();
        for (int t = 0; t < 5; t++) {
            short[] halves = new short[t == 2 ? 1 : 20_000 + 7 * t];
            for (int i = 0; i < halves.length; i++) {
                halves[i] = Float.floatToFloat16((float) random.nextGaussian());
            }
            tensors.add(
                    new TensorEntry(
                            "t" + t,
                            DType.F16,
                            new long[] {halves.length},
                            TensorBytes.of(MemorySegment.ofArray(halves))));
        }
        tensors.add(new TensorEntry("steps", DType.I64, new long[] {}, TensorBytes.of(7)));
        SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
        if (backwards) {
            reverse(file);
        }
        return file;
    }

    /** The same tensors with their data in the opposite order. */
    private static void reverse(Path file) throws IOException {
        Map<String, byte[]> data = new java.util.LinkedHashMap<>();
        List<TensorInfo> infos;
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            infos = new ArrayList<>(f.tensors().values());
            for (TensorInfo t : infos) {
                data.put(
                        t.name(),
                        f.data(t.name()).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
            }
        }
        Collections.reverse(infos);
        StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        long at = 0;
        for (TensorInfo t : infos) {
            header.append(
                    ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(
                                    t.name(),
                                    t.dtype().safetensorsName(),
                                    java.util.Arrays.toString(t.shape()),
                                    at,
                                    at + t.byteSize()));
            at += t.byteSize();
        }
        byte[] json =
                header.append('}').toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        try (var out = Files.newOutputStream(file)) {
            out.write(
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(json.length)
                            .array());
            out.write(json);
            for (TensorInfo t : infos) {
                out.write(data.getOrDefault(t.name(), new byte[0]));
            }
        }
        assertThat(new TreeSet<>(data.keySet())).hasSize(6);
    }
}
