package org.diffusionsoup.core.lora;

import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;

/**
 * Factors of an update, as a training leaves them.
 *
 * @param target the weight they belong to
 * @param shape of the weight, {@code (out, in)} or {@code (out, in, k, k)}
 * @param rank of the factors
 * @param alpha over the rank, what the product is multiplied with
 * @param up B, {@code out x rank}, row major
 * @param down A, {@code rank x all others}, row major
 */
@SuppressWarnings("ArrayRecordComponent") // large, and read once
public record LoraFactors(
        LoraTarget target, long[] shape, int rank, double alpha, float[] up, float[] down) {

    /**
     * Writes a LoRA, whole or not at all.
     *
     * @param recipe how the factors were made, as JSON, for the file's header
     * @return bytes of its tensors
     * @throws SoupException if there are none, or one of them is not finite
     */
    public static long write(LoraOutput output, List<LoraFactors> factors, SoupRecipe recipe) {
        return LoraWriter.write(
                output, factors.stream().<NewLayer>map(LoraFactors::layer).toList(), recipe);
    }

    private NewLayer layer() {
        return new NewLayer.Factored(
                target, shape, matrix(up, up.length / rank, rank), matrix(down, rank), alpha);
    }

    private static Matrix matrix(float[] values, int rows) {
        return matrix(values, rows, values.length / rows);
    }

    private static Matrix matrix(float[] values, int rows, int columns) {
        double[] exact = new double[values.length];
        for (int i = 0; i < exact.length; i++) {
            exact[i] = values[i];
        }
        return new Matrix(exact, rows, columns);
    }
}
