package org.diffusionsoup.core.method;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;

/** Checkpoints of known numbers for tests, and their merges as plain arrays. */
final class Models {
    private final Path folder;
    private final SequencedMap<String, Path> paths = new LinkedHashMap<>();
    private int made;

    Models(Path folder) {
        this.folder = folder;
    }

    Path folder() {
        return folder;
    }

    /** Rounds to a dtype. */
    static double[] stored(DType dtype, double... values) {
        MemorySegment s = segment(dtype, values);
        double[] back = new double[values.length];
        Elements.decode(dtype, s, back, values.length);
        return back;
    }

    static MemorySegment segment(DType dtype, double... values) {
        MemorySegment s =
                Arena.ofAuto().allocate(Math.max(1, (long) values.length * dtype.bytes()), 8);
        if (Elements.encode(dtype, values, s, values.length) >= 0) {
            throw new AssertionError(dtype + " cannot hold " + Arrays.toString(values));
        }
        return s.asSlice(0, (long) values.length * dtype.bytes());
    }

    static TensorEntry tensor(String name, DType dtype, double... values) {
        return new TensorEntry(
                name, dtype, new long[] {values.length}, TensorBytes.of(segment(dtype, values)));
    }

    /** A file under its name in a recipe. */
    Models with(String name, TensorEntry... tensors) {
        Path file = folder.resolve(name + ".safetensors");
        SafetensorsWriter.write(file, Map.of(), List.of(tensors));
        paths.put(name, file);
        return this;
    }

    /** A file with the one tensor "w". */
    Models with(String name, DType dtype, double... values) {
        return with(name, tensor("w", dtype, values));
    }

    Path path(String name) {
        Path p = paths.get(name);
        if (p == null) {
            throw new AssertionError("no model " + name);
        }
        return p;
    }

    /** The tree with the inputs it uses, in this order. */
    MergeRecipe recipe(WeightExpr tree) {
        SequencedMap<String, Path> used = new LinkedHashMap<>(paths);
        used.keySet()
                .removeIf(
                        n -> !Trees.weights(tree).contains(n) && !Trees.fishers(tree).contains(n));
        return new MergeRecipe(used, tree);
    }

    Path merge(WeightExpr tree) {
        Path out = folder.resolve("out" + made++ + ".safetensors");
        MethodMerge.create().threads(2).make(recipe(tree), out);
        return out;
    }

    /** Tensor "w" of the merge. */
    double[] w(WeightExpr tree) {
        return values(merge(tree), "w");
    }

    static double[] values(Path file, String tensor) {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            int n = (int) f.tensor(tensor).elements();
            double[] out = new double[n];
            Elements.decode(f.tensor(tensor).dtype(), f.data(tensor), out, n);
            return out;
        }
    }

    /** The tensors' bytes, without the header. */
    static byte[] data(Path file) {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            List<byte[]> all = new ArrayList<>();
            f.tensors()
                    .keySet()
                    .forEach(t ->
                            all.add(f.data(t).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)));
            byte[] joined = new byte[all.stream().mapToInt(b -> b.length).sum()];
            int at = 0;
            for (byte[] b : all) {
                System.arraycopy(b, 0, joined, at, b.length);
                at += b.length;
            }
            return joined;
        }
    }

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Values like weights, rounded to a dtype: normal, some far smaller, some 0. */
    static double[] random(long seed, DType dtype, int n) {
        Random r = new Random(seed);
        double[] v = new double[n];
        for (int i = 0; i < n; i++) {
            double size = r.nextInt(10) == 0 ? 0x1p-9 : 0.5;
            v[i] = r.nextInt(50) == 0 ? 0 : r.nextGaussian() * size;
        }
        return stored(dtype, v);
    }

    static Load load(String name) {
        return new Load(name);
    }

    static Difference diff(String of, String from) {
        return new Difference(new Load(of), new Load(from));
    }

    static AddDelta add(String to, String scale, DeltaExpr delta) {
        return new AddDelta(new Load(to), Factor.of(scale), delta);
    }

    static BigDecimal big(double v) {
        return new BigDecimal(v);
    }

    /** The distance of neighbours of a dtype at this value. */
    static double ulp(DType dtype, double v) {
        int precision;
        int least;
        switch (dtype) {
            case F64 -> {
                return Math.ulp(v);
            }
            case F32 -> {
                precision = 24;
                least = -126;
            }
            case F16 -> {
                precision = 11;
                least = -14;
            }
            case BF16 -> {
                precision = 8;
                least = -126;
            }
            default -> throw new AssertionError(dtype);
        }
        int e = v == 0 ? least : Math.max(Math.getExponent(v), least);
        return Math.scalb(1.0, e - precision + 1);
    }

    /**
     * Whether a stored value is the exact one rounded once, but for a few roundings in double on
     * the way there.
     *
     * @param largest above the magnitude of whatever is added up
     */
    static boolean isRounded(DType dtype, double stored, BigDecimal exact, double largest) {
        double size = Math.max(Math.abs(stored), Math.abs(exact.doubleValue()));
        double slack = ulp(dtype, size) * 0.5 + Math.ulp(largest);
        return big(stored).subtract(exact).abs().compareTo(big(slack)) <= 0;
    }
}
