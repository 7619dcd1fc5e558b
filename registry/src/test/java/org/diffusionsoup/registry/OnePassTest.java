package org.diffusionsoup.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.registry.arrival.NewIngredient;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.withdraw.WithdrawRequest;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A withdrawal reads the sum and what leaves once, and checks and hashes meanwhile. */
class OnePassTest {
    /** More than a pass takes at a time. */
    private static final int MANY = 150_000;

    /** What is told only where the soup and its sum are made one after the other. */
    private static final String SEVERAL = "keeping the sum";

    @TempDir Path folder;

    private final Set<String> stages = new ConcurrentSkipListSet<>();

    private Registry fresh(String name, int threads, SoupProgress progress) {
        return Registry.init(folder.resolve(name), Optional.empty())
                .with(SoupOptions.DEFAULT.withThreads(threads).withProgress(progress));
    }

    private Registry of(String name, DType dtype, int threads, int... seeds) {
        Registry r = fresh(name, threads, (what, done, all) -> stages.add(what));
        r.addBase("base", model(dtype, 0));
        for (int s : seeds) {
            r.addShard(Small.shard("s" + s));
            r.addIngredient(
                    new NewIngredient(
                            "s" + s,
                            "base",
                            List.of("s" + s),
                            model(dtype, s),
                            Json.object().put("seed", s).build(),
                            "test"));
        }
        return r;
    }

    /** Ordinary values, with some that a sum of four bytes cannot hold, and zeros of both signs. */
    private Path model(DType dtype, long seed) {
        Path file = folder.resolve(dtype + "-" + seed + ".safetensors");
        if (Files.exists(file)) {
            return file;
        }
        Random random = new Random(seed);
        List<TensorEntry> tensors = new ArrayList<>();
        int[] sizes = {3, MANY, 0, 1000};
        for (int t = 0; t < sizes.length; t++) {
            float[] v = new float[sizes[t]];
            for (int i = 0; i < v.length; i++) {
                v[i] =
                        switch (random.nextInt(1000)) {
                            case 0 -> -0f;
                            case 1 -> 0f;
                            case 2 -> (float) (1000 * random.nextGaussian());
                            default -> (float) random.nextGaussian();
                        };
            }
            tensors.add(entry("unet.t" + t, dtype, v));
        }
        tensors.add(new TensorEntry("steps", DType.I64, new long[] {2}, TensorBytes.of(7, 8)));
        SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
        return file;
    }

    private static TensorEntry entry(String name, DType dtype, float[] v) {
        long[] shape = {v.length};
        if (dtype == DType.F32) {
            return TensorEntry.ofFloats(name, shape, v);
        }
        short[] halves = new short[v.length];
        for (int i = 0; i < v.length; i++) {
            halves[i] =
                    dtype == DType.F16
                            ? Float.floatToFloat16(v[i])
                            : (short) (Float.floatToRawIntBits(v[i]) >>> 16);
        }
        return new TensorEntry(name, dtype, shape, TensorBytes.of(MemorySegment.ofArray(halves)));
    }

    private static String made(Registry r, SoupRow s) {
        return r.read(q -> Json.string(q.entry(s.id()).body(), "made"));
    }

    private static Map<String, String> sum(Registry r, SoupRow s) {
        return r.read(q -> Json.map(q.entry(s.id()).body(), "sum"));
    }

    private static Withdrawn withdraw(Registry r, String shard) {
        return r.withdraw(WithdrawRequest.ofShards(List.of(shard), "t"));
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "F32", "BF16"})
    void soupAndSumAreThoseOfARegistryThatNeverHadIt(DType dtype) {
        Registry r = of("had", dtype, 3, 1, 2, 3, 4);
        r.make(Small.follow("soup"));
        stages.clear();
        SoupRow s = withdraw(r, "s2").made().getFirst();
        assertThat(made(r, s)).isEqualTo("adjusted");
        assertThat(stages).contains("adjusting").doesNotContain(SEVERAL);
        Registry never = of("never", dtype, 1, 1, 3, 4);
        SoupRow other = never.make(Small.follow("soup"));
        assertThat(s.checkpoint()).isEqualTo(other.checkpoint());
        assertThat(sum(r, s)).isNotEmpty();
        assertThat(r.check()).isEmpty();
        // the new sum serves the next step, in the other direction too
        r.addShard(Small.shard("s5"));
        r.addIngredient(
                new NewIngredient(
                        "s5",
                        "base",
                        List.of("s5"),
                        model(dtype, 5),
                        Json.object().put("seed", 5).build(),
                        "test"));
        stages.clear();
        SoupRow more = r.update("soup");
        assertThat(made(r, more)).isEqualTo("adjusted");
        assertThat(stages).contains("adjusting").doesNotContain(SEVERAL);
        Registry all = of("all", dtype, 2, 1, 3, 4, 5);
        assertThat(more.checkpoint()).isEqualTo(all.make(Small.follow("soup")).checkpoint());
    }

    @Test
    void damageOfWhatLeavesIsFoundWhileItIsRead() throws IOException {
        Registry r = of("had", DType.F16, 2, 1, 2, 3);
        r.make(Small.follow("soup"));
        flip(object(r, model(DType.F16, 2)), 2L * MANY - 1);
        SoupRow s = withdraw(r, "s2").made().getFirst();
        assertThat(made(r, s)).isEqualTo("averaged");
        SoupRow other = of("never", DType.F16, 1, 1, 3).make(Small.follow("soup"));
        assertThat(s.checkpoint()).isEqualTo(other.checkpoint());
        assertThat(r.check()).isEmpty();
        assertThat(leftovers(r)).isEmpty();
    }

    @Test
    void damageOfTheSumIsFoundWhileItIsRead() throws IOException {
        Registry r = of("had", DType.F16, 2, 1, 2, 3);
        SoupRow first = r.make(Small.follow("soup"));
        Path sum = r.store().sum(first.checkpoint()).resolve("weights.safetensors");
        // the lowest bit of a value: the soup would round to the same
        flip(sum, Files.size(sum) - 4);
        SoupRow s = withdraw(r, "s2").made().getFirst();
        assertThat(made(r, s)).isEqualTo("averaged");
        SoupRow other = of("never", DType.F16, 1, 1, 3).make(Small.follow("soup"));
        assertThat(s.checkpoint()).isEqualTo(other.checkpoint());
        assertThat(sum(r, s)).isNotEmpty();
        assertThat(r.check()).isEmpty();
        assertThat(leftovers(r)).isEmpty();
    }

    @Test
    void endedBetweenObjectsAndLedgerNothingHasHappened() throws IOException {
        of("had", DType.F16, 2, 1, 2, 3).make(Small.follow("soup"));
        // ends the process' work when the last piece is computed and written
        Registry r =
                Registry.open(folder.resolve("had"))
                        .with(
                                SoupOptions.DEFAULT
                                        .withThreads(2)
                                        .withProgress((what, done, all) -> {
                                            if (what.equals("adjusting") && done == all) {
                                                throw new IllegalStateException("ended");
                                            }
                                        }));
        String before = state(r);
        TreeSet<Path> objects = objects(r);
        assertThatThrownBy(() -> withdraw(r, "s2")).hasMessageContaining("ended");
        assertThat(state(r)).isEqualTo(before);
        assertThat(objects(r)).isEqualTo(objects);
        assertThat(leftovers(r)).isEmpty();
        assertThat(r.check()).isEmpty();
        Registry again = Registry.open(folder.resolve("had"));
        assertThat(made(again, withdraw(again, "s2").made().getFirst())).isEqualTo("adjusted");
        assertThat(again.check()).isEmpty();
    }

    private static String state(Registry r) {
        return r.read(q -> q.last().orElseThrow().hash() + q.soup("soup").orElseThrow());
    }

    private static void flip(Path file, long at) throws IOException {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.seek(at);
            int b = f.read();
            f.seek(at);
            f.write(b ^ 1);
        }
    }

    /** Where the store keeps the large tensor of a model. */
    private static Path object(Registry r, Path model) {
        try (SafetensorsFile f = SafetensorsFile.open(model)) {
            byte[] bytes = f.data("unet.t1").toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
            String hash = org.diffusionsoup.core.io.Hashes.sha256Hex(bytes);
            return r.store()
                    .folder()
                    .resolve("objects")
                    .resolve(hash.substring(0, 2))
                    .resolve(hash);
        }
    }

    private static TreeSet<Path> objects(Registry r) throws IOException {
        return files(r.store().folder().resolve("objects"));
    }

    private static TreeSet<Path> leftovers(Registry r) throws IOException {
        return files(r.store().folder().resolve("work"));
    }

    private static TreeSet<Path> files(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return new TreeSet<>(all.filter(Files::isRegularFile).toList());
        }
    }
}
