package org.diffusionsoup.diffusion.torch;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.LayoutOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.diffusionsoup.core.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * A libtorch tensor on {@link Torch#device()}, row-major unless said otherwise, images and latents
 * NCHW.
 *
 * <p>Operations return new tensors (views where torch gives views) and record gradients when {@link
 * Torch#gradients} is on and an operand requires them. Methods whose name ends in an underscore
 * change the tensor in place. Native memory belongs to the innermost open {@link Scope}. Shape
 * errors of libtorch surface as its own {@code RuntimeException} with torch's message.
 */
public final class Tensor {
    static {
        Natives.load();
    }

    private static final ScalarTypeOptional NO_TYPE = keepRaw(new ScalarTypeOptional());
    private static final LongOptional NO_LONG = keepRaw(new LongOptional());
    private static final TensorOptions FLOAT = keepRaw(new TensorOptions(ScalarType.Float));
    private static final TensorOptions LONG = keepRaw(new TensorOptions(ScalarType.Long));
    private static final BoolOptional NO_PIN = keepRaw(new BoolOptional());
    private static final LayoutOptional NO_LAYOUT = keepRaw(new LayoutOptional());
    private static final DeviceOptional ON_CPU =
            keepRaw(new DeviceOptional(keepRaw(new org.bytedeco.pytorch.Device("cpu"))));
    private static volatile @Nullable OnDevice lastOptions;

    /** What tensors are made with on an accelerator. */
    private record OnDevice(
            Device device, DeviceOptional raw, TensorOptions floats, TensorOptions longs) {
        static OnDevice of(Device device) {
            DeviceOptional raw =
                    keepRaw(
                            new DeviceOptional(
                                    keepRaw(new org.bytedeco.pytorch.Device(device.toString()))));
            return new OnDevice(
                    device,
                    raw,
                    keepRaw(new TensorOptions(ScalarType.Float).device(raw)),
                    keepRaw(new TensorOptions(ScalarType.Long).device(raw)));
        }
    }

    private static final MemoryFormatOptional NO_FORMAT = keepRaw(new MemoryFormatOptional());

    private final org.bytedeco.pytorch.Tensor t;

    Tensor(org.bytedeco.pytorch.Tensor t) {
        Ending.pass();
        this.t = t;
    }

    private static <P extends org.bytedeco.javacpp.Pointer> P keepRaw(P pointer) {
        return pointer.retainReference();
    }

    org.bytedeco.pytorch.Tensor raw() {
        return t;
    }

    /** Options for the device in use; null for the processor, whose options are libtorch's own. */
    private static @Nullable OnDevice onDevice() {
        Device device = Torch.device();
        if (device.isCpu()) {
            return null;
        }
        OnDevice known = lastOptions;
        if (known == null || !known.device.equals(device)) {
            known = OnDevice.of(device);
            lastOptions = known;
        }
        return known;
    }

    private static TensorOptions floats() {
        OnDevice on = onDevice();
        return on == null ? FLOAT : on.floats;
    }

    private static org.bytedeco.pytorch.Tensor moved(
            org.bytedeco.pytorch.Tensor t, DeviceOptional to) {
        return t.to(NO_TYPE, NO_LAYOUT, to, NO_PIN, false, false, NO_FORMAT);
    }

    private static Tensor w(org.bytedeco.pytorch.Tensor raw) {
        return new Tensor(raw);
    }

    // ---- making ---------------------------------------------------------------------------

    /** Uninitialised float32 tensor. */
    public static Tensor empty(long... shape) {
        return w(torch.empty(shape, floats(), NO_FORMAT));
    }

    /**
     * Uninitialised tensor of another float type.
     *
     * @param dtype F32, F16, BF16 or F64
     */
    public static Tensor empty(DType dtype, long... shape) {
        OnDevice on = onDevice();
        TensorOptions options = new TensorOptions(floatType(dtype));
        return w(torch.empty(shape, on == null ? options : options.device(on.raw), NO_FORMAT));
    }

    private static ScalarType floatType(DType dtype) {
        return switch (dtype) {
            case F32 -> ScalarType.Float;
            case F16 -> ScalarType.Half;
            case BF16 -> ScalarType.BFloat16;
            case F64 -> ScalarType.Double;
            default -> throw new TorchException("no tensor of floats of " + dtype);
        };
    }

    /** Uninitialised float32 tensor in the processor's memory, whatever device is in use. */
    static Tensor emptyOnCpu(long... shape) {
        return w(torch.empty(shape, FLOAT, NO_FORMAT));
    }

    /** Float32 zeros. */
    public static Tensor zeros(long... shape) {
        return w(torch.zeros(shape, floats()));
    }

    /** Float32 ones. */
    public static Tensor ones(long... shape) {
        return w(torch.ones(shape, floats()));
    }

    /** Float32 tensor filled with one value. */
    public static Tensor full(double value, long... shape) {
        return w(torch.full(shape, new Scalar(value), floats()));
    }

    /** Float32 tensor with a copy of the given values, row-major. */
    public static Tensor of(float[] values, long... shape) {
        Tensor out = emptyOnCpu(shape.length == 0 ? new long[] {values.length} : shape);
        if (out.elements() != values.length) {
            throw new TorchException(
                    values.length + " values do not fill shape " + Arrays.toString(shape));
        }
        MemorySegment.copy(values, 0, out.memory(), ValueLayout.JAVA_FLOAT, 0, values.length);
        return out.onDeviceInUse();
    }

    /**
     * A tensor (n) over bytes that lie elsewhere, such as in a mapped file: nothing is copied. It
     * must not be written to, nor used once the memory is given back.
     *
     * @param bytes little-endian floats in native memory, of less than 2 GiB
     * @param dtype F32, F16, BF16 or F64
     */
    public static Tensor over(MemorySegment bytes, DType dtype) {
        ScalarType type = floatType(dtype);
        long n = bytes.byteSize() / dtype.bytes();
        return w(
                torch.from_blob(
                        new BytePointer(bytes.asByteBuffer()),
                        new long[] {n},
                        new TensorOptions(type)));
    }

    /** Int64 tensor with a copy of the given values, row-major. */
    public static Tensor of(long[] values, long... shape) {
        Tensor out =
                w(
                        torch.empty(
                                shape.length == 0 ? new long[] {values.length} : shape,
                                LONG,
                                NO_FORMAT));
        if (out.elements() != values.length) {
            throw new TorchException(
                    values.length + " values do not fill shape " + Arrays.toString(shape));
        }
        MemorySegment.copy(values, 0, out.memory(), ValueLayout.JAVA_LONG, 0, values.length);
        return out.onDeviceInUse();
    }

    /** Int64 tensor (rows, length) of equally long rows, such as the token ids of several texts. */
    public static Tensor ofRows(int[]... rows) {
        int length = rows.length == 0 ? 0 : rows[0].length;
        long[] values = new long[rows.length * length];
        for (int i = 0; i < rows.length; i++) {
            if (rows[i].length != length) {
                throw new TorchException(
                        "row " + i + " has " + rows[i].length + " values, row 0 has " + length);
            }
            for (int j = 0; j < length; j++) {
                values[i * length + j] = rows[i][j];
            }
        }
        return of(values, rows.length, length);
    }

    /** Int64 0, 1, ..., n-1. */
    public static Tensor arange(long n) {
        OnDevice on = onDevice();
        return w(torch.arange(new Scalar(n), on == null ? LONG : on.longs));
    }

    /** Joins tensors along an existing dimension. */
    public static Tensor cat(List<Tensor> parts, long dim) {
        TensorVector v = new TensorVector();
        for (Tensor p : parts) {
            v.push_back(p.t);
        }
        return w(torch.cat(v, dim));
    }

    /** Joins tensors along a new dimension. */
    public static Tensor stack(List<Tensor> parts, long dim) {
        TensorVector v = new TensorVector();
        for (Tensor p : parts) {
            v.push_back(p.t);
        }
        return w(torch.stack(v, dim));
    }

    // ---- life time ------------------------------------------------------------------------

    /** Keeps this tensor alive past the current scope, until {@link #release()}. */
    public Tensor keep() {
        t.retainReference();
        return this;
    }

    /** Gives up a tensor kept with {@link #keep()}; its memory is freed at once. */
    public void release() {
        t.releaseReference();
    }

    // ---- device ---------------------------------------------------------------------------

    /** This tensor where it lies in the processor's memory, else a copy there. */
    public Tensor onCpu() {
        return t.is_cpu() ? this : w(moved(t, ON_CPU));
    }

    /** This tensor where it lies on {@link Torch#device()}, else a copy there. */
    public Tensor onDeviceInUse() {
        OnDevice on = onDevice();
        return on == null ? onCpu() : w(moved(t, on.raw));
    }

    // ---- looking --------------------------------------------------------------------------

    /** The sizes of all dimensions. */
    public long[] shape() {
        var sizes = t.sizes();
        long[] out = new long[(int) sizes.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = sizes.get(i);
        }
        return out;
    }

    /** Size of one dimension; negative counts from the end. */
    public long size(long dim) {
        return t.size(dim);
    }

    /** Number of elements. */
    public long elements() {
        return t.numel();
    }

    /** Number of dimensions. */
    public int rank() {
        return (int) t.dim();
    }

    /** Whether it is float32 in the processor's memory. */
    boolean isFloatOnCpu() {
        return t.is_cpu() && t.scalar_type().value == ScalarType.Float.value;
    }

    /**
     * The bytes of a contiguous tensor in the processor's memory, in place: writing to it writes
     * the tensor.
     */
    public MemorySegment memory() {
        if (!t.is_cpu()) {
            throw new TorchException(
                    "memory() needs a tensor of the processor; call onCpu() first");
        }
        if (!t.is_contiguous()) {
            throw new TorchException("memory() needs a contiguous tensor; call contiguous() first");
        }
        return MemorySegment.ofAddress(t.data_ptr().address())
                .reinterpret(Math.multiplyExact(t.numel(), t.element_size()));
    }

    /** A copy of all values as float, row-major. */
    public float[] toFloatArray() {
        try (Scope s = Scope.open()) {
            Tensor f = detach().onCpu().toFloat().contiguous();
            float[] out = new float[Math.toIntExact(f.elements())];
            MemorySegment.copy(f.memory(), ValueLayout.JAVA_FLOAT, 0, out, 0, out.length);
            return out;
        }
    }

    /** A copy of all values of an int64 tensor, row-major. */
    public long[] toLongArray() {
        try (Scope s = Scope.open()) {
            Tensor f = w(t.to(ScalarType.Long)).onCpu().contiguous();
            long[] out = new long[Math.toIntExact(f.elements())];
            MemorySegment.copy(f.memory(), ValueLayout.JAVA_LONG, 0, out, 0, out.length);
            return out;
        }
    }

    /** The value of a tensor with one element. */
    public float item() {
        return t.item_float();
    }

    // ---- arithmetic -----------------------------------------------------------------------

    public Tensor add(Tensor o) {
        return w(t.add(o.t));
    }

    public Tensor add(double v) {
        return w(t.add(new Scalar(v)));
    }

    public Tensor sub(Tensor o) {
        return w(t.sub(o.t));
    }

    public Tensor mul(Tensor o) {
        return w(t.mul(o.t));
    }

    public Tensor mul(double v) {
        return w(t.mul(new Scalar(v)));
    }

    public Tensor div(Tensor o) {
        return w(t.div(o.t));
    }

    public Tensor div(double v) {
        return w(t.div(new Scalar(v)));
    }

    public Tensor neg() {
        return w(t.neg());
    }

    public Tensor abs() {
        return w(t.abs());
    }

    public Tensor sqrt() {
        return w(t.sqrt());
    }

    public Tensor square() {
        return w(t.mul(t));
    }

    public Tensor exp() {
        return w(torch.exp(t));
    }

    public Tensor log() {
        return w(torch.log(t));
    }

    public Tensor sin() {
        return w(torch.sin(t));
    }

    public Tensor cos() {
        return w(torch.cos(t));
    }

    public Tensor sigmoid() {
        return w(torch.sigmoid(t));
    }

    public Tensor tanh() {
        return w(torch.tanh(t));
    }

    /** Values limited to [low, high]. */
    public Tensor clamp(double low, double high) {
        return w(
                t.clamp(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high))));
    }

    public Tensor matmul(Tensor o) {
        return w(t.matmul(o.t));
    }

    /** Sum of all elements, as a tensor of rank 0. */
    public Tensor sum() {
        return w(t.sum());
    }

    /** Mean of all elements, as a tensor of rank 0. */
    public Tensor mean() {
        return w(t.mean());
    }

    /** Mean over some dimensions. */
    public Tensor mean(boolean keepDim, long... dims) {
        return w(t.mean(dims, keepDim, NO_TYPE));
    }

    /** Sum over some dimensions. */
    public Tensor sum(boolean keepDim, long... dims) {
        return w(t.sum(dims, keepDim, NO_TYPE));
    }

    /** Standard deviation over some dimensions, with Bessel's correction as torch's default. */
    public Tensor std(boolean keepDim, long... dims) {
        return w(t.std(dims, true, keepDim));
    }

    /** Euclidean norm along the last dimension, kept. */
    public Tensor norm2() {
        return w(t.mul(t).sum(new long[] {-1}, true, NO_TYPE).sqrt());
    }

    /** Index of the largest element along the last dimension (the first one on ties). */
    public Tensor argmax() {
        return w(t.argmax(new LongOptional(-1), false));
    }

    // ---- shape ----------------------------------------------------------------------------

    public Tensor reshape(long... shape) {
        return w(t.reshape(shape));
    }

    public Tensor permute(long... dims) {
        return w(t.permute(dims));
    }

    public Tensor transpose(long a, long b) {
        return w(t.transpose(a, b));
    }

    public Tensor unsqueeze(long dim) {
        return w(t.unsqueeze(dim));
    }

    public Tensor squeeze(long dim) {
        return w(t.squeeze(dim));
    }

    /** A copy in row-major order, or this tensor's own storage when it already is. */
    public Tensor contiguous() {
        return w(t.contiguous());
    }

    /** The same values laid out NHWC in memory, which CPU convolutions prefer. Rank 4 only. */
    public Tensor channelsLast() {
        return w(t.contiguous(MemoryFormat.ChannelsLast));
    }

    /** {@code length} entries from {@code start} along a dimension, as a view. */
    public Tensor narrow(long dim, long start, long length) {
        return w(t.narrow(dim, start, length));
    }

    /** One entry along a dimension, which disappears, as a view. */
    public Tensor select(long dim, long index) {
        return w(t.select(dim, index));
    }

    /** Rows of a dimension by an int64 index tensor. */
    public Tensor indexSelect(long dim, Tensor index) {
        return w(t.index_select(dim, index.t));
    }

    /** Elements along a dimension by an int64 index tensor of the same rank, as torch's gather. */
    public Tensor gather(long dim, Tensor index) {
        return w(t.gather(dim, index.t));
    }

    /** Splits into n equal parts along a dimension. */
    public Tensor[] chunk(long n, long dim) {
        TensorVector v = t.chunk(n, dim);
        Tensor[] out = new Tensor[(int) v.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = w(v.get(i));
        }
        return out;
    }

    /** Repeats dimensions of size 1 without copying. */
    public Tensor expand(long... shape) {
        return w(t.expand(shape));
    }

    /** Every row of dimension 0 repeated {@code n} times in a row. */
    public Tensor repeatInterleave(long n) {
        return w(t.repeat_interleave(n, new LongOptional(0), NO_LONG));
    }

    // ---- type -----------------------------------------------------------------------------

    /** Converted to float32 where it is not. */
    public Tensor toFloat() {
        return w(t.to(ScalarType.Float));
    }

    /** Converted to float64. */
    public Tensor toDouble() {
        return w(t.to(ScalarType.Double));
    }

    /** Converted to float16, rounded to nearest, ties to even. */
    public Tensor toFloat16() {
        return w(t.to(ScalarType.Half));
    }

    /** Converted to bfloat16. */
    public Tensor toBFloat16() {
        return w(t.to(ScalarType.BFloat16));
    }

    // ---- gradients ------------------------------------------------------------------------

    /** The same values cut out of the gradient graph. */
    public Tensor detach() {
        return w(t.detach());
    }

    /** Marks a leaf as wanting gradients. */
    public Tensor requiresGrad_(boolean wanted) {
        t.requires_grad_(wanted);
        return this;
    }

    /** Whether gradients reach this tensor. */
    public boolean requiresGrad() {
        return t.requires_grad();
    }

    /** Whether there is a tensor: {@link #grad()} of one that no gradient has reached is none. */
    boolean isDefined() {
        return t.defined();
    }

    /** The same tensor as a computed one: gradients pass through it. */
    Tensor alias() {
        return w(torch.alias(t));
    }

    /** Takes its gradient away from a leaf. */
    void clearGrad() {
        t.mutable_grad().put(new org.bytedeco.pytorch.Tensor());
    }

    /** Back-propagates from tensors whose gradients are given; they add up in the leaves. */
    static void backward(List<Tensor> ends, List<Tensor> gradients) {
        TensorVector from = new TensorVector();
        ends.forEach(t -> from.push_back(t.t));
        TensorVector given = new TensorVector();
        gradients.forEach(g -> given.push_back(g.t));
        torch.backward(from, given, new BoolOptional(), false, new TensorVector());
    }

    /** Back-propagates from a scalar; gradients add up in the leaves. */
    public void backward() {
        t.backward();
    }

    /** The gradient of a leaf after {@link #backward()}. */
    public Tensor grad() {
        return w(t.grad());
    }

    /** Makes a leaf accumulate its gradient into the given tensor's memory. */
    public void setGrad(Tensor grad) {
        t.mutable_grad().put(grad.t);
    }

    // ---- in place -------------------------------------------------------------------------

    public Tensor copy_(Tensor source) {
        t.copy_(source.t);
        return this;
    }

    public Tensor zero_() {
        t.zero_();
        return this;
    }

    public Tensor fill_(double v) {
        t.fill_(new Scalar(v));
        return this;
    }

    public Tensor mul_(double v) {
        t.mul_(new Scalar(v));
        return this;
    }

    public Tensor mul_(Tensor o) {
        t.mul_(o.t);
        return this;
    }

    public Tensor div_(double v) {
        t.div_(new Scalar(v));
        return this;
    }

    public Tensor add_(double v) {
        t.add_(new Scalar(v));
        return this;
    }

    /** this += alpha * o. */
    public Tensor add_(Tensor o, double alpha) {
        t.add_(o.t, new Scalar(alpha));
        return this;
    }

    /** this += alpha * a * b. */
    public Tensor addcmul_(Tensor a, Tensor b, double alpha) {
        t.addcmul_(a.t, b.t, new Scalar(alpha));
        return this;
    }

    /** this += alpha * a / b. */
    public Tensor addcdiv_(Tensor a, Tensor b, double alpha) {
        t.addcdiv_(a.t, b.t, new Scalar(alpha));
        return this;
    }

    /** this += weight * (end - this). */
    public Tensor lerp_(Tensor end, double weight) {
        t.lerp_(end.t, new Scalar(weight));
        return this;
    }

    @Override
    public String toString() {
        return "Tensor" + Arrays.toString(shape());
    }
}
