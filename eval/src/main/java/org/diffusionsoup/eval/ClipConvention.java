package org.diffusionsoup.eval;

/**
 * How a cosine between an image and a text embedding becomes the number called "CLIP score".
 *
 * <p>The literature uses all three, and their numbers look alike enough to be confused: 0.28, 28
 * and 0.70 may be the same picture.
 */
public enum ClipConvention {
    /** The cosine itself, negative values kept: the Diffusion Soup paper's convention. */
    RAW_COSINE("cosine", "raw cosine"),
    /** 100·max(cos, 0), as torchmetrics reports it. */
    TIMES_100("100·max(cos, 0)", "100 × cosine, negatives as 0"),
    /** 2.5·max(cos, 0): CLIPScore as Hessel et al. (2021) define it. */
    TIMES_2_5("2.5·max(cos, 0)", "2.5 × cosine, negatives as 0");

    private final String formula;
    private final String description;

    ClipConvention(String formula, String description) {
        this.formula = formula;
        this.description = description;
    }

    /** The formula, short enough for a column header. */
    public String formula() {
        return formula;
    }

    /** The formula in words. */
    public String description() {
        return description;
    }

    /**
     * Applies the convention.
     *
     * @param cosine in [-1, 1]; rounding may put it just outside, which is kept as it is
     * @throws EvalException if the cosine is not a number
     */
    public double apply(double cosine) {
        if (!Double.isFinite(cosine)) {
            throw new EvalException(
                    "A cosine of "
                            + cosine
                            + " cannot be scored; the embedding it came from holds"
                            + " values that are not finite.");
        }
        return switch (this) {
            case RAW_COSINE -> cosine;
            case TIMES_100 -> 100 * Math.max(cosine, 0);
            case TIMES_2_5 -> 2.5 * Math.max(cosine, 0);
        };
    }
}
