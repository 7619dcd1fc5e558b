package org.diffusionsoup.diffusion.nn;

import java.nio.file.Path;
import java.util.function.Supplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.jspecify.annotations.Nullable;

/**
 * One named weight of a model, under the reference implementation's name. Its tensor is a view into
 * the flat buffer of the {@link Parameters} it belongs to.
 */
public final class Parameter {
    private final String name;
    private final long[] shape;
    private final Init init;
    private final long offset;
    private @Nullable Tensor value;
    private WeightFormat format = WeightFormat.F32;
    private WideCopy wide = new WideCopy();
    private @Nullable LowRank branch;

    Parameter(String name, long[] shape, Init init, long offset) {
        this.name = name;
        this.shape = shape.clone();
        this.init = init;
        this.offset = offset;
    }

    /** Full name in the state dict, such as {@code down_blocks.0.resnets.0.conv1.weight}. */
    public String name() {
        return name;
    }

    /** Shape as the reference implementation stores it. */
    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements. */
    public long elements() {
        long n = 1;
        for (long s : shape) {
            n = Math.multiplyExact(n, s);
        }
        return n;
    }

    /**
     * The live weight, in the format it is held in: what is written to it changes the model. A
     * layer computes with {@link #float32}.
     */
    public Tensor value() {
        if (value == null) {
            throw new TorchException("parameter " + name + " is used before it was allocated");
        }
        return value;
    }

    /** The format it is held in. */
    public WeightFormat format() {
        return format;
    }

    /**
     * The weight to compute with, float32 and laid out as {@link #value} is: that itself, or where
     * it is held in half as many bytes, a copy that belongs to the innermost open {@link Scope}.
     */
    public Tensor float32() {
        return format.isHalf() ? value().toFloat() : value();
    }

    /**
     * The same for one operation: where it is a copy, it lies in memory that the model's weights
     * share, and is overwritten by the next such call for one of them.
     */
    Tensor float32Once() {
        return format.isHalf() && WideCopy.isFor(this) ? wide.of(this) : float32();
    }

    /**
     * Runs a layer, and frees what it made of this weight in {@link #float32} at its end.
     *
     * @param layer makes a new tensor
     */
    Tensor computing(Supplier<Tensor> layer) {
        return format.isHalf() ? Scope.result(layer) : layer.get();
    }

    /**
     * Copies stored values into a part of the weight, rounded to its format.
     *
     * @param place a view into {@link #value}
     * @param stored of the place's shape
     * @param dtype that they are stored in
     * @param file for the message
     * @throws SoupException if the format has no number for a finite value
     */
    void put(Tensor place, Tensor stored, DType dtype, Path file) {
        place.copy_(stored);
        if (format.isHalf()
                && dtype != format.dtype()
                && !isFinite(place)
                && isFinite(stored.toFloat())) {
            throw new SoupException(
                    "%s has values in %s that are beyond the range of %s; draw with `dtype` %s."
                            .formatted(
                                    file,
                                    name,
                                    format,
                                    format == WeightFormat.F16 ? "BF16 or F32" : "F32"));
        }
    }

    private static boolean isFinite(Tensor values) {
        return values.toFloat().mul(0).sum().item() == 0;
    }

    Init init() {
        return init;
    }

    long offset() {
        return offset;
    }

    /** What the layer of this weight adds to its output, if there is such a branch. */
    @Nullable LowRank branch() {
        return branch;
    }

    void branch(@Nullable LowRank beside) {
        branch = beside;
    }

    void bind(Tensor tensor, WeightFormat heldIn, WideCopy shared) {
        value = tensor;
        format = heldIn;
        wide = shared;
    }

    /** The part of a flat buffer that belongs to this parameter, shaped like it. */
    Tensor viewOf(Tensor flat) {
        return viewOf(flat, offset);
    }

    /** A part of a flat buffer from a place of choice, shaped and laid out like this parameter. */
    Tensor viewOf(Tensor flat, long from) {
        Tensor part = flat.narrow(0, from, elements());
        if (shape.length == 4) {
            // Convolution weights lie as (out, k, k, in) in memory, the layout CPU convolutions
            // want, and are seen as (out, in, k, k).
            return part.reshape(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2);
        }
        return part.reshape(shape);
    }
}
