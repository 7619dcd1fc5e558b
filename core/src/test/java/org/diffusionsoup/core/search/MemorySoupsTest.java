package org.diffusionsoup.core.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Soups in memory are the files that {@link Souper} writes, byte for byte. */
class MemorySoupsTest {
    @TempDir Path folder;

    private static final SoupOptions OPTIONS = SoupOptions.DEFAULT.withThreads(2);

    /** What ingredients look like. */
    private enum Kind {
        /** Like trained weights. */
        PLAIN,
        /** Zeros of both signs, and values of very different sizes. */
        AWKWARD
    }

    private static float value(SplittableRandom random, Kind kind) {
        float w = (float) (random.nextDouble(-1, 1) * 0.1);
        if (kind == Kind.PLAIN) {
            return w;
        }
        return switch (random.nextInt(5)) {
            case 0 -> -0.0f;
            case 1 -> 0.0f;
            case 2 -> w * 300;
            case 3 -> w * 1e-6f;
            default -> w;
        };
    }

    private static byte[] bytes(SplittableRandom random, DType dtype, int n, Kind kind) {
        ByteBuffer b = ByteBuffer.allocate(n * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < n; i++) {
            float w = value(random, kind);
            switch (dtype) {
                case F64 -> b.putDouble(w * 1.000000001);
                case F32 -> b.putFloat(w);
                case F16 -> b.putShort(Float.floatToFloat16(w));
                case BF16 -> b.putShort((short) (Float.floatToRawIntBits(w) >>> 16));
                case F8_E4M3, F8_E5M2 -> b.put((byte) (random.nextInt(0x78) | (w < 0 ? 0x80 : 0)));
                default -> throw new AssertionError(dtype);
            }
        }
        return b.array();
    }

    private static TensorEntry entry(String name, DType dtype, byte[] data, long... shape) {
        return new TensorEntry(name, dtype, shape, out -> out.write(ByteBuffer.wrap(data)));
    }

    private List<Path> ingredients(int n, DType dtype, long seed) {
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            SplittableRandom random = new SplittableRandom(seed + i);
            // Two blocks and a bit; an awkward tensor beside plain ones; one of a single element.
            List<TensorEntry> entries =
                    List.of(
                            entry("a", dtype, bytes(random, dtype, 2100, Kind.PLAIN), 2100),
                            entry("b", dtype, bytes(random, dtype, 3000, Kind.AWKWARD), 3, 1000),
                            entry("c", dtype, bytes(random, dtype, 1, Kind.PLAIN)),
                            entry("zero", dtype, new byte[50 * dtype.bytes()], 50),
                            entry("ids", DType.I64, new byte[16], 2));
            Path file = folder.resolve("i" + i + "-" + seed + ".safetensors");
            SafetensorsWriter.write(file, Map.of(), entries);
            files.add(file);
        }
        return files;
    }

    private static SortedMap<String, String> hashes(TensorSource source) {
        SortedMap<String, String> hashes = new TreeMap<>();
        try (Arena arena = Arena.ofConfined()) {
            for (TensorInfo t : source.tensors().values()) {
                MemorySegment all = arena.allocate(Math.max(1, t.byteSize()));
                source.read(t.name(), 0, all.asSlice(0, t.byteSize()));
                hashes.put(
                        t.toString(),
                        Hashes.sha256Hex(
                                all.asSlice(0, t.byteSize())
                                        .toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)));
            }
        }
        return hashes;
    }

    private SortedMap<String, String> written(List<Path> files, Candidate c) {
        List<SoupIngredient> in = new ArrayList<>();
        for (int i : c.members()) {
            in.add(SoupIngredient.of(files.get(i), c.coefficient(i).orElse(Coefficient.ONE)));
        }
        Path out = folder.resolve("soup.safetensors");
        Souper.with(OPTIONS).replaceExisting(true).make(in, out);
        try (SafetensorsFile f = SafetensorsFile.open(out)) {
            return hashes(f);
        }
    }

    /** What is read at once and may be written by other threads is computed by all of them. */
    @Test
    void manyElementsAtOnceAreTheSameBytesAsFew() {
        int elements = 1_200_000; // several threads' shares, and some more
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            SplittableRandom random = new SplittableRandom(i);
            ByteBuffer data = ByteBuffer.allocate(2 * elements);
            data.put(bytes(random, DType.F16, elements - 5000, Kind.PLAIN));
            data.put(bytes(random, DType.F16, 5000, Kind.AWKWARD));
            Path file = folder.resolve("large" + i + ".safetensors");
            SafetensorsWriter.write(
                    file, Map.of(), List.of(entry("a", DType.F16, data.array(), elements)));
            files.add(file);
        }
        SplittableRandom random = new SplittableRandom(5);
        try (MemorySoups soups = MemorySoups.open(files, OPTIONS.withThreads(3));
                Arena shared = Arena.ofShared();
                Arena own = Arena.ofConfined()) {
            for (Candidate c : List.of(Candidate.uniform(3), Candidate.single(3, 1))) {
                TensorSource part = soups.form(c, c).part("");
                MemorySegment whole = shared.allocate(2L * elements);
                part.read("a", 0, whole);
                MemorySegment pieces = own.allocate(2L * elements);
                for (long at = 0; at < elements; ) {
                    long n = Math.min(elements - at, random.nextLong(1, 400_000));
                    part.read("a", 2 * at, pieces.asSlice(2 * at, 2 * n));
                    at += n;
                }
                assertThat(whole.mismatch(pieces)).isEqualTo(-1);
                assertThat(hashes(part)).isEqualTo(written(files, c));
                long from = 2L * random.nextInt(300_000);
                MemorySegment some = shared.allocate(1_500_000);
                part.read("a", from, some);
                assertThat(some.mismatch(whole.asSlice(from, 1_500_000))).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void everyCandidateIsTheSoupThatWouldBeWritten(DType dtype) {
        int n = 5;
        List<Path> files = ingredients(n, dtype, 100 + dtype.ordinal());
        SplittableRandom random = new SplittableRandom(7);
        try (MemorySoups soups = MemorySoups.open(files, OPTIONS)) {
            Candidate base = Candidate.uniform(n);
            for (int k = 0; k < 30; k++) {
                // Mostly a step from the base, at times a jump.
                List<Integer> a =
                        new ArrayList<>(
                                random.nextInt(4) == 0
                                        ? IntStream.range(0, n)
                                                .mapToObj(i -> random.nextInt(40))
                                                .toList()
                                        : base.shares());
                a.set(random.nextInt(n), random.nextInt(3));
                if (a.stream().allMatch(x -> x == 0)) {
                    continue;
                }
                Candidate c =
                        random.nextInt(6) == 0 ? Candidate.single(n, k % n) : new Candidate(a);
                CandidateWeights w = soups.form(c, random.nextInt(5) == 0 ? c : base);
                assertThat(hashes(w.part("")))
                        .as("candidate %d: %s of %s", k, c, dtype)
                        .isEqualTo(written(files, c));
                base = random.nextInt(3) == 0 ? c : base;
            }
        }
    }

    @Test
    void partsOfATensorAreThoseOfTheWhole() {
        List<Path> files = ingredients(3, DType.F16, 900);
        try (MemorySoups soups = MemorySoups.open(files, OPTIONS);
                Arena arena = Arena.ofConfined()) {
            Candidate uniform = Candidate.uniform(3);
            TensorSource part = soups.form(uniform, uniform).part("");
            MemorySegment whole = arena.allocate(6000);
            part.read("b", 0, whole);
            SplittableRandom random = new SplittableRandom(3);
            for (int k = 0; k < 50; k++) {
                int from = random.nextInt(3000);
                int count = random.nextInt(3000 - from);
                MemorySegment some = arena.allocate(2L * count + 1).asSlice(0, 2L * count);
                part.read("b", 2L * from, some);
                assertThat(some.mismatch(whole.asSlice(2L * from, 2L * count))).isEqualTo(-1);
            }
            assertThatThrownBy(() -> part.read("b", 1, whole.asSlice(0, 2)))
                    .isInstanceOf(SoupException.class);
            assertThatThrownBy(() -> part.read("b", 2, whole)).isInstanceOf(SoupException.class);
        }
    }

    /** How many whole ingredients a search reads. */
    private long reads(SearchMethod method, int n, long seed) {
        List<Path> files = ingredients(n, DType.F16, 2000);
        SyntheticScorer s = new SyntheticScorer(n, 2, seed, 1000);
        try (MemorySoups soups = MemorySoups.open(files, OPTIONS)) {
            SearchResult r = method.run(ScoreBook.of(soups, s));
            // The first soup of k ingredients needs k of them.
            int first = r.singles().isEmpty() ? n - 1 : 1;
            assertThat(soups.running().reads()).isLessThanOrEqualTo(r.evaluations().size() + first);
            return soups.running().reads();
        }
    }

    @Test
    void everyCandidateReadsOneIngredientOnce() {
        for (long seed = 0; seed < 5; seed++) {
            assertThat(reads(new Greedy(), 6, seed)).isLessThanOrEqualTo(2 * 6);
            assertThat(reads(new ReverseGreedy(), 6, seed)).isLessThanOrEqualTo(2 * 6);
            assertThat(reads(new LeaveOneOut(), 6, seed)).isLessThanOrEqualTo(2 * 6);
            reads(new SimplexSearch(new CoordinateDescent(), 1), 4, seed);
        }
    }

    @Test
    void memoryIsASoupACandidateAndAnIngredient() {
        List<Path> files = ingredients(4, DType.F16, 300);
        try (MemorySoups soups = MemorySoups.open(files, OPTIONS)) {
            long floats = 2100 + 3000 + 1 + 50;
            // Beyond 6 bytes a weight only the marks, one byte per block.
            assertThat(soups.running().memory()).isBetween(6 * floats, 6 * floats + 8);
        }
    }

    @Test
    void ingredientsThatDifferAreRefused() {
        List<Path> files = new ArrayList<>(ingredients(2, DType.F16, 40));
        Path other = folder.resolve("other.safetensors");
        SafetensorsWriter.write(
                other, Map.of(), List.of(TensorEntry.ofFloats("a", new long[] {1}, 1)));
        files.add(other);
        assertThatThrownBy(() -> MemorySoups.open(files, OPTIONS))
                .isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> MemorySoups.open(List.of(), OPTIONS))
                .isInstanceOf(SoupException.class);
        List<Path> twice = List.of(files.getFirst(), files.getFirst());
        assertThatThrownBy(() -> MemorySoups.open(twice, OPTIONS))
                .isInstanceOf(SoupException.class)
                .hasMessage(files.getFirst() + " is named twice; name each ingredient once.");
    }

    @Test
    void nanIsRefusedByName() {
        Path bad = folder.resolve("bad.safetensors");
        Path good = folder.resolve("good.safetensors");
        SafetensorsWriter.write(
                bad, Map.of(), List.of(TensorEntry.ofFloats("a", new long[] {2}, 1, Float.NaN)));
        SafetensorsWriter.write(
                good, Map.of(), List.of(TensorEntry.ofFloats("a", new long[] {2}, 1, 2)));
        try (MemorySoups soups = MemorySoups.open(List.of(good, bad), OPTIONS)) {
            Candidate both = Candidate.uniform(2);
            TensorSource part = soups.form(both, both).part("");
            assertThatThrownBy(() -> hashes(part))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("NaN");
            assertThat(hashes(soups.form(Candidate.single(2, 0), both).part(""))).hasSize(1);
        }
    }
}
