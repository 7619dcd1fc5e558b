package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.core.tensor.DType;

/**
 * The number format in which a model's weights are held in memory. All arithmetic is float32,
 * whatever the format: a layer widens its own weights when it computes, and frees them at once.
 */
public enum WeightFormat {
    /** As they are computed with, and trained. */
    F32(DType.F32, "float32"),
    /** 11 significant bits, up to 65,504, in half the memory. */
    F16(DType.F16, "float16"),
    /** The range of float32 with 8 significant bits, in half the memory. */
    BF16(DType.BF16, "bfloat16");

    private final DType dtype;
    private final String word;

    WeightFormat(DType dtype, String word) {
        this.dtype = dtype;
        this.word = word;
    }

    /** As files call it. */
    public DType dtype() {
        return dtype;
    }

    /** Bytes of one weight. */
    public int bytes() {
        return dtype.bytes();
    }

    /** Whether layers have to widen it. */
    public boolean isHalf() {
        return this != F32;
    }

    /** As torch calls it, such as {@code bfloat16}. */
    public String word() {
        return word;
    }
}
