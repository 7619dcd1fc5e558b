package org.diffusionsoup.core.lora;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.AdapterKey.Role;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * The update of one tensor of a model, as a file has it. Its weights are read when they are asked
 * for; valid until its {@link Lora} is closed.
 */
public final class LoraLayer {
    /** How an update is written down. */
    public enum Algorithm {
        /** {@code up @ down}, convolutions as matrices (LoRA, LoCon). */
        LORA("LoRA"),
        /** {@code up}, a kernel between, {@code down} (LoCon, CP-decomposed). */
        CP("LoRA (CP)"),
        /** {@code (w1_a @ w1_b) * (w2_a @ w2_b)}, element by element. */
        LOHA("LoHa"),
        /** {@code kron(w1, w2)}. */
        LOKR("LoKr"),
        /** The update itself. */
        FULL("full");

        private final String title;

        Algorithm(String title) {
            this.title = title;
        }

        /** Its name as people write it. */
        public String title() {
            return title;
        }
    }

    /** More than any weight has: small factors may ask for a product beyond all memory. */
    private static final double MOST_ELEMENTS = 1 << 27;

    private static final Set<Role> HADA =
            EnumSet.of(Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_W2_A, Role.HADA_W2_B);

    /** Which parts an update has; each of the first is needed, each of the second may be there. */
    private record Parts(Algorithm algorithm, Set<Role> needed, Set<Role> more) {}

    private static final List<Parts> KINDS =
            List.of(
                    new Parts(Algorithm.LORA, EnumSet.of(Role.UP, Role.DOWN), Set.of()),
                    new Parts(Algorithm.CP, EnumSet.of(Role.UP, Role.DOWN, Role.MID), Set.of()),
                    new Parts(Algorithm.LOHA, HADA, EnumSet.of(Role.HADA_T1, Role.HADA_T2)),
                    lokr(Role.LOKR_W1, Role.LOKR_W2),
                    lokr(Role.LOKR_W1_A, Role.LOKR_W1_B, Role.LOKR_W2),
                    lokr(Role.LOKR_W1, Role.LOKR_W2_A, Role.LOKR_W2_B),
                    lokr(Role.LOKR_W1_A, Role.LOKR_W1_B, Role.LOKR_W2_A, Role.LOKR_W2_B),
                    new Parts(Algorithm.FULL, EnumSet.of(Role.DIFF), Set.of()),
                    new Parts(Algorithm.FULL, EnumSet.of(Role.BIAS_DIFF), Set.of()));

    private static Parts lokr(Role... needed) {
        Set<Role> more =
                Arrays.asList(needed).contains(Role.LOKR_W2_A)
                        ? EnumSet.of(Role.LOKR_T2)
                        : Set.of();
        return new Parts(Algorithm.LOKR, Set.copyOf(Arrays.asList(needed)), more);
    }

    private final TensorSource source;
    private final String key;
    private final LoraTarget target;
    private final Map<Role, TensorInfo> parts;
    private final Algorithm algorithm;
    private final OptionalInt rank;
    private final OptionalDouble alpha;
    private final double factor;
    private final long[] shape;

    /**
     * @param parts of one module, without those of its bias
     * @param strength what the file says beside its tensors, for updates without an alpha
     * @throws SoupException if the parts are not those of an update, or do not fit each other
     */
    LoraLayer(
            TensorSource source,
            String key,
            LoraTarget target,
            Map<Role, TensorInfo> parts,
            PeftConfig.Strength strength) {
        this.source = source;
        this.key = key;
        this.target = target;
        this.parts = new EnumMap<>(parts);
        Set<Role> weights = EnumSet.copyOf(parts.keySet());
        weights.removeAll(EnumSet.of(Role.ALPHA, Role.DORA_SCALE, Role.MAGNITUDE));
        Parts kind =
                KINDS.stream()
                        .filter(k -> weights.containsAll(k.needed))
                        .filter(k ->
                                weights.stream()
                                        .allMatch(r -> k.needed.contains(r) || k.more.contains(r)))
                        .findFirst()
                        .orElseThrow(
                                () -> refusal("has " + names() + ", which is no whole update"));
        algorithm = kind.algorithm;
        parts.forEach((role, info) -> {
            if (info.elements() == 0) {
                throw new SoupException(
                        "%s has %s, which is empty, in its update '%s': an update of rank 0 changes nothing; make the LoRA with a rank of at least 1, or without that module."
                                .formatted(source.path(), info, key));
            }
            boolean whole = role == Role.ALPHA && info.dtype() != DType.BOOL;
            if (!info.dtype().isFloat() && !whole) {
                throw refusal("has " + info + ", where floating-point numbers are needed");
            }
        });
        shape = naturalShape();
        double elements = Arrays.stream(shape).asDoubleStream().reduce(1, (a, b) -> a * b);
        if (elements > MOST_ELEMENTS) {
            throw refusal(
                    "has factors of a product of "
                            + Arrays.toString(shape)
                            + ", larger than any weight of these models");
        }
        rank = findRank();
        alpha = has(Role.ALPHA) ? OptionalDouble.of(scalar(Role.ALPHA)) : strength.alpha();
        factor = findFactor(strength);
    }

    private double findFactor(PeftConfig.Strength strength) {
        if (rank.isEmpty()) {
            return 1; // nothing is decomposed, so there is no rank that alpha would be relative to
        }
        return has(Role.ALPHA)
                ? alpha.getAsDouble() / rank.getAsInt()
                : strength.factor(rank.getAsInt());
    }

    private OptionalInt findRank() {
        Optional<TensorInfo> of =
                switch (algorithm) {
                    case LORA, CP -> part(Role.DOWN);
                    case LOHA -> part(Role.HADA_W1_B);
                    case LOKR -> part(Role.LOKR_W2_B).or(() -> part(Role.LOKR_W1_B));
                    case FULL -> Optional.empty();
                };
        return of.map(t -> OptionalInt.of(Math.toIntExact(t.shape()[0])))
                .orElse(OptionalInt.empty());
    }

    /** The product's shape, as far as the file tells it; checks that the parts fit each other. */
    private long[] naturalShape() {
        return switch (algorithm) {
            case LORA -> {
                long[] down = atLeast(Role.DOWN, 2);
                long[] up = atLeast(Role.UP, 2);
                fit(Role.UP, up[1] == down[0] && product(up, 2) == 1);
                down[0] = up[0];
                yield down;
            }
            case CP -> {
                long[] down = atLeast(Role.DOWN, 2);
                long[] up = atLeast(Role.UP, 2);
                long[] mid = atLeast(Role.MID, 3);
                fit(Role.MID, mid[0] == up[1] && mid[1] == down[0]);
                fit(Role.UP, product(up, 2) == 1);
                fit(Role.DOWN, product(down, 2) == 1);
                mid[0] = up[0];
                mid[1] = down[1];
                yield mid;
            }
            case LOHA -> {
                long[] first = product(Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_T1);
                long[] second = product(Role.HADA_W2_A, Role.HADA_W2_B, Role.HADA_T2);
                fit(Role.HADA_W2_A, Arrays.equals(first, second));
                yield first;
            }
            case LOKR -> {
                long[] a =
                        has(Role.LOKR_W1)
                                ? atLeast(Role.LOKR_W1, 2)
                                : product(Role.LOKR_W1_A, Role.LOKR_W1_B, Role.OTHER);
                long[] b =
                        has(Role.LOKR_W2)
                                ? atLeast(Role.LOKR_W2, 2)
                                : product(Role.LOKR_W2_A, Role.LOKR_W2_B, Role.LOKR_T2);
                fit(has(Role.LOKR_W1) ? Role.LOKR_W1 : Role.LOKR_W1_A, product(a, 2) == 1);
                b[0] *= a[0];
                b[1] *= a[1];
                yield b;
            }
            case FULL -> tensor(has(Role.DIFF) ? Role.DIFF : Role.BIAS_DIFF).shape();
        };
    }

    /** The shape of {@code a @ b}, or of a kernel with both around it. */
    private long[] product(Role a, Role b, Role kernel) {
        long[] first = atLeast(a, 2);
        long[] second = atLeast(b, 2);
        fit(a, first.length == 2 && second.length == 2);
        if (!has(kernel)) {
            fit(b, first[1] == second[0]);
            return new long[] {first[0], second[1]};
        }
        long[] mid = atLeast(kernel, 3);
        fit(kernel, mid[0] == first[0] && mid[1] == second[0]);
        mid[0] = first[1];
        mid[1] = second[1];
        return mid;
    }

    private static long product(long[] shape, int from) {
        long n = 1;
        for (int i = from; i < shape.length; i++) {
            n *= shape[i];
        }
        return n;
    }

    private long[] atLeast(Role role, int dimensions) {
        TensorInfo t = tensor(role);
        fit(role, t.shape().length >= dimensions);
        return t.shape();
    }

    private void fit(Role role, boolean fits) {
        if (!fits) {
            throw refusal("has " + tensor(role) + ", which does not fit its other parts");
        }
    }

    private SoupException refusal(String what) {
        return new SoupException(
                "%s %s, in its update '%s'; the file is damaged, or of a kind that is not read."
                        .formatted(source.path(), what, key));
    }

    private String names() {
        return String.join(
                ", ", parts.values().stream().map(t -> "'" + t.name() + "'").sorted().toList());
    }

    private boolean has(Role role) {
        return parts.containsKey(role);
    }

    private Optional<TensorInfo> part(Role role) {
        return Optional.ofNullable(parts.get(role));
    }

    private TensorInfo tensor(Role role) {
        return Objects.requireNonNull(parts.get(role));
    }

    private double scalar(Role role) {
        TensorInfo t = tensor(role);
        if (t.elements() != 1) {
            throw refusal("has " + t + ", where one number is needed");
        }
        double value = t.dtype().isFloat() ? read(t)[0] : whole(t);
        if (!Double.isFinite(value)) {
            throw refusal("has " + value + " for '" + t.name() + "'");
        }
        return value;
    }

    /**
     * An alpha as a whole number: {@code torch.tensor(4)} is of int64, and kohya's code writes what
     * it was given.
     */
    private double whole(TensorInfo t) {
        int size = t.dtype().bytes();
        boolean signed = EnumSet.range(DType.I64, DType.I8).contains(t.dtype());
        byte[] bytes = new byte[size + 1]; // a first byte of 0 makes it a number without a sign
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stored = arena.allocate(size);
            source.read(t.name(), 0, stored);
            for (int i = 0; i < size; i++) {
                bytes[size - i] = stored.get(ValueLayout.JAVA_BYTE, i); // the lowest comes first
            }
        }
        BigInteger value = new BigInteger(bytes, signed ? 1 : 0, signed ? size : size + 1);
        if (!new BigDecimal(value.doubleValue()).toBigInteger().equals(value)) {
            throw refusal("has " + value + " for '" + t.name() + "', beyond what float64 can hold");
        }
        return value.doubleValue();
    }

    private double[] read(TensorInfo t) {
        int n = Math.toIntExact(t.elements());
        double[] values = new double[n];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(t.byteSize(), 8);
            source.read(t.name(), 0, bytes);
            Elements.decode(t.dtype(), bytes, values, n);
        }
        for (double v : values) {
            if (!Double.isFinite(v)) {
                throw refusal("holds " + v + " in '" + t.name() + "'");
            }
        }
        return values;
    }

    /** A part as a matrix of its first axis by the others. */
    Matrix matrix(Role role) {
        TensorInfo t = tensor(role);
        int rows = t.shape().length == 0 ? 1 : Math.toIntExact(t.shape()[0]);
        return new Matrix(read(t), rows, Math.toIntExact(t.elements() / rows));
    }

    /** The module's name as the file has it. */
    public String key() {
        return key;
    }

    /** The names of its tensors in the file, sorted. */
    public List<String> tensors() {
        return parts.values().stream().map(TensorInfo::name).sorted().toList();
    }

    /** The tensor that it updates. */
    public LoraTarget target() {
        return target;
    }

    /** How it is written down. */
    public Algorithm algorithm() {
        return algorithm;
    }

    /** Inner size of its factors; empty where nothing is decomposed. */
    public OptionalInt rank() {
        return rank;
    }

    /** The alpha that the file states, of whatever numeric dtype; empty where it states none. */
    public OptionalDouble alpha() {
        return alpha;
    }

    /** What the product is multiplied with: alpha over rank, 1 where the file states no alpha. */
    public double factor() {
        return factor;
    }

    /** Whether the updated weight is brought to stored magnitudes (DoRA). */
    public boolean isDora() {
        return has(Role.DORA_SCALE) || has(Role.MAGNITUDE);
    }

    /**
     * The product's shape as far as the file tells it: factors of matrices may be meant for a
     * convolution with the same number of elements.
     */
    public long[] shape() {
        return shape.clone();
    }

    /**
     * What is added to the weight at strength 1 (by DoRA: before its magnitudes are restored), in
     * float64: the product of all parts with {@link #factor}.
     *
     * @return row major, as many as the weight has
     */
    public double[] delta() {
        return product().scaled(factor).values();
    }

    Matrix product() {
        return switch (algorithm) {
            case LORA -> matrix(Role.UP).times(matrix(Role.DOWN));
            case CP -> around(matrix(Role.UP), Role.MID, matrix(Role.DOWN));
            case LOHA ->
                    pair(Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_T1)
                            .hadamard(pair(Role.HADA_W2_A, Role.HADA_W2_B, Role.HADA_T2));
            case LOKR -> {
                Matrix a =
                        has(Role.LOKR_W1)
                                ? matrix(Role.LOKR_W1)
                                : pair(Role.LOKR_W1_A, Role.LOKR_W1_B, Role.OTHER);
                Matrix b =
                        has(Role.LOKR_W2)
                                ? matrix(Role.LOKR_W2)
                                : pair(Role.LOKR_W2_A, Role.LOKR_W2_B, Role.LOKR_T2);
                yield a.kronecker(b);
            }
            case FULL -> matrix(has(Role.DIFF) ? Role.DIFF : Role.BIAS_DIFF);
        };
    }

    private Matrix pair(Role a, Role b, Role kernel) {
        return has(kernel)
                ? around(matrix(a).transposed(), kernel, matrix(b))
                : matrix(a).times(matrix(b));
    }

    /** Sum over p and q of {@code up[o,p] mid[p,q,h,w] down[q,i]}, as {@code [o, i*h*w]}. */
    private Matrix around(Matrix up, Role kernel, Matrix down) {
        long[] s = tensor(kernel).shape();
        int inner = Math.toIntExact(s[1]);
        int window = Math.toIntExact(product(s, 2));
        Matrix mid = matrix(kernel);
        Matrix wide = Matrix.zero(mid.rows(), Math.multiplyExact(down.columns(), window));
        for (int p = 0; p < mid.rows(); p++) {
            for (int q = 0; q < inner; q++) {
                for (int i = 0; i < down.columns(); i++) {
                    double d = down.at(q, i);
                    for (int k = 0; k < window; k++) {
                        wide.values()[p * wide.columns() + i * window + k] +=
                                mid.at(p, q * window + k) * d;
                    }
                }
            }
        }
        return up.times(wide);
    }

    /**
     * What this update changes of a weight.
     *
     * @param weight the weight before any update, row major
     * @param weightShape its shape
     * @param strength what the change is multiplied with; a DoRA's updated weight is blended with
     *     the old one by it, as ComfyUI and LyCORIS do
     * @return as many values as the weight has
     * @throws SoupException if the weight is of another shape than the update
     */
    public double[] change(double[] weight, long[] weightShape, double strength) {
        checkFits(weightShape);
        double[] delta = delta();
        if (!isDora()) {
            for (int i = 0; i < delta.length; i++) {
                delta[i] *= strength;
            }
            return delta;
        }
        return dora(weight, weightShape, delta, strength);
    }

    /** With magnitudes m: {@code m (W + delta) / |W + delta| - W}, by rows or by columns. */
    private double[] dora(double[] weight, long[] shapeOf, double[] delta, double strength) {
        TensorInfo info = part(Role.MAGNITUDE).orElseGet(() -> tensor(Role.DORA_SCALE));
        double[] scale = read(info);
        long[] s = info.shape();
        int out = Math.toIntExact(shapeOf[0]);
        int in = Math.toIntExact(shapeOf[1]);
        int window = weight.length / out / in;
        boolean columns = !has(Role.MAGNITUDE) && s.length > 1 && s[0] == 1 && scale.length == in;
        if (scale.length != (columns ? in : out)) {
            throw refusal("has " + info + " for a weight of " + Arrays.toString(shapeOf));
        }
        double[] square = new double[scale.length];
        for (int i = 0; i < weight.length; i++) {
            double w = weight[i] + delta[i];
            square[line(i, columns, in, window)] += w * w;
        }
        double[] change = new double[weight.length];
        for (int i = 0; i < weight.length; i++) {
            int line = line(i, columns, in, window);
            double norm = Math.sqrt(square[line]);
            double made = norm == 0 ? 0 : scale[line] * (weight[i] + delta[i]) / norm;
            change[i] = strength * (made - weight[i]);
        }
        return change;
    }

    private static int line(int i, boolean columns, int in, int window) {
        return columns ? i / window % in : i / (in * window);
    }

    /**
     * Checks that a weight has the shape that this updates.
     *
     * @throws SoupException naming file, tensor and shapes
     */
    public void checkFits(long[] weightShape) {
        boolean fits =
                weightShape.length > 0
                        && product(weightShape, 0) == product(shape, 0)
                        && weightShape[0] == shape[0]
                        && (!isDora() || weightShape.length > 1);
        if (!fits) {
            throw new SoupException(
                    "%s updates %s with a product of shape %s, and that tensor of the model has shape %s; the LoRA was made for another model."
                            .formatted(
                                    source.path(),
                                    target,
                                    Arrays.toString(shape),
                                    Arrays.toString(weightShape)));
        }
    }

    /** The file's tensors. */
    TensorSource source() {
        return source;
    }
}
