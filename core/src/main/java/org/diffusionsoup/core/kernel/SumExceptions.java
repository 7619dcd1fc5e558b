package org.diffusionsoup.core.kernel;

import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;

/**
 * The elements of one part whose sum the plain file of a kept sum cannot hold: those that need more
 * bits than its format has, and those where an ingredient is -0, whose sign decides that of a zero
 * mean. Safe for use by several threads.
 */
public final class SumExceptions {
    /** More would no longer be exceptions; keeping the sum is then given up. */
    static final int MOST = 2_000_000;

    private static final int DOUBLES = 4;
    private static final String INDEX = ".index";
    private static final String VALUE = ".value";
    private static final String ZEROS = ".negative_zeros";

    /**
     * A sum of any size: sum * 2^unit.
     *
     * @param negativeZeros how many ingredients are -0 here
     */
    public record Exact(BigInteger sum, int unit, int negativeZeros) {
        /** This plus a * w. */
        public Exact plus(long a, double w) {
            int u = ExactKernel.unitOf(w);
            BigInteger p =
                    BigInteger.valueOf(ExactKernel.mantissaOf(w)).multiply(BigInteger.valueOf(a));
            int least = Math.min(u, unit);
            int zeros = Double.doubleToRawLongBits(w) == Long.MIN_VALUE ? Long.signum(a) : 0;
            return new Exact(
                    sum.shiftLeft(unit - least).add(p.shiftLeft(u - least)),
                    least,
                    negativeZeros + zeros);
        }

        static Exact zero() {
            return new Exact(BigInteger.ZERO, 0, 0);
        }

        /** As an unevaluated sum of doubles, largest first; empty if that takes too many. */
        List<Double> doubles() {
            List<Double> parts = new ArrayList<>();
            BigInteger rest = sum;
            while (rest.signum() != 0) {
                if (parts.size() == DOUBLES) {
                    return List.of();
                }
                // To the nearest, so that a crumb beside a large sum takes one double, not many.
                int drop = Math.max(0, rest.bitLength() - 53);
                BigInteger half = drop == 0 ? BigInteger.ZERO : BigInteger.ONE.shiftLeft(drop - 1);
                BigInteger top = rest.add(half).shiftRight(drop);
                double d = Math.scalb((double) top.longValueExact(), drop + unit);
                if (!Double.isFinite(d) || drop + unit < Double.MIN_EXPONENT - 52) {
                    return List.of();
                }
                parts.add(d);
                rest = rest.subtract(top.shiftLeft(drop));
            }
            while (parts.size() < DOUBLES) {
                parts.add(0.0);
            }
            return parts;
        }

        static Exact ofDoubles(double[] values, int from, int negativeZeros) {
            Exact e = new Exact(BigInteger.ZERO, 0, 0);
            for (int i = from; i < from + DOUBLES; i++) {
                if (values[i] != 0) {
                    e = e.plus(1, values[i]);
                }
            }
            return new Exact(e.sum, e.unit, negativeZeros);
        }
    }

    /** A sum cannot be kept. */
    public static final class TooMany extends SoupException {
        private static final long serialVersionUID = 1L;

        public TooMany(String message) {
            super(message);
        }
    }

    private final String part;
    private final Map<String, NavigableMap<Long, Exact>> byTensor = new TreeMap<>();
    private long count;

    /**
     * @param part whose they are, for messages
     */
    public SumExceptions(String part) {
        this.part = part;
    }

    public synchronized void put(String tensor, long index, Exact value) {
        if (value.doubles().isEmpty() || count >= MOST) {
            throw new TooMany(
                    "No sum was kept: the ingredients of tensor '"
                            + (part.isEmpty() ? "" : part + ".")
                            + tensor
                            + "' differ too much in size for an exact one; withdrawing means"
                            + " averaging again.");
        }
        if (byTensor.computeIfAbsent(tensor, t -> new TreeMap<>()).put(index, value) == null) {
            count++;
        }
    }

    /** Those of a tensor with an index from {@code from} to before {@code to}. */
    public synchronized NavigableMap<Long, Exact> in(String tensor, long from, long to) {
        NavigableMap<Long, Exact> all = byTensor.get(tensor);
        return all == null ? new TreeMap<>() : new TreeMap<>(all.subMap(from, true, to, false));
    }

    public synchronized void write(Path file) {
        List<TensorEntry> entries = new ArrayList<>();
        byTensor.forEach((tensor, elements) -> {
            int n = elements.size();
            long[] index = new long[n];
            long[] zeros = new long[n];
            long[] value = new long[n * DOUBLES];
            int i = 0;
            for (var e : elements.entrySet()) {
                index[i] = e.getKey();
                zeros[i] = e.getValue().negativeZeros();
                List<Double> doubles = e.getValue().doubles();
                for (int d = 0; d < DOUBLES; d++) {
                    value[i * DOUBLES + d] = Double.doubleToRawLongBits(doubles.get(d));
                }
                i++;
            }
            long[] shape = {n};
            entries.add(new TensorEntry(tensor + INDEX, DType.I64, shape, TensorBytes.of(index)));
            entries.add(new TensorEntry(tensor + ZEROS, DType.I64, shape, TensorBytes.of(zeros)));
            entries.add(
                    new TensorEntry(
                            tensor + VALUE,
                            DType.F64,
                            new long[] {n, DOUBLES},
                            TensorBytes.of(value)));
        });
        SafetensorsWriter.write(file, Map.of(), entries);
    }

    public static SumExceptions read(Path file, String part) {
        SumExceptions all = new SumExceptions(part);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (String name : f.tensors().keySet()) {
                if (!name.endsWith(INDEX)) {
                    continue;
                }
                String tensor = name.substring(0, name.length() - INDEX.length());
                long n = f.tensor(name).elements();
                if (f.tensor(tensor + ZEROS).elements() != n
                        || f.tensor(tensor + VALUE).elements() != n * DOUBLES
                        || n > MOST) {
                    throw new MalformedCheckpointException(
                            file,
                            "tensor '" + tensor + "'",
                            "three lists of one length",
                            "lists of different lengths");
                }
                double[] value = new double[(int) n * DOUBLES];
                for (int i = 0; i < value.length; i++) {
                    value[i] = f.data(tensor + VALUE).getAtIndex(FloatCodec.F64, i);
                }
                for (int i = 0; i < n; i++) {
                    long zeros = f.data(tensor + ZEROS).getAtIndex(FloatCodec.I64, i);
                    all.put(
                            tensor,
                            f.data(name).getAtIndex(FloatCodec.I64, i),
                            Exact.ofDoubles(value, i * DOUBLES, Math.toIntExact(zeros)));
                }
            }
        }
        return all;
    }
}
