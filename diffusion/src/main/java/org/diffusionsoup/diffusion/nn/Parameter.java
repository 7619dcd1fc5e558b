package org.diffusionsoup.diffusion.nn;

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

    /** The live weight. */
    public Tensor value() {
        if (value == null) {
            throw new TorchException("parameter " + name + " is used before it was allocated");
        }
        return value;
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

    void bind(Tensor tensor) {
        value = tensor;
    }

    /** The part of a flat buffer that belongs to this parameter, shaped like it. */
    Tensor viewOf(Tensor flat) {
        Tensor part = flat.narrow(0, offset, elements());
        if (shape.length == 4) {
            // Convolution weights lie as (out, k, k, in) in memory, the layout CPU convolutions
            // want, and are seen as (out, in, k, k).
            return part.reshape(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2);
        }
        return part.reshape(shape);
    }
}
