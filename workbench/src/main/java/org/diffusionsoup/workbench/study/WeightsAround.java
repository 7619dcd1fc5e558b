package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * One UNet in memory whose weights are moved around those of a base: w_c + Σ c_i Δw_i in float32.
 */
final class WeightsAround implements AutoCloseable {
    private static final long PIECE = 1 << 20;

    private final UNet2DConditionModel unet;
    private final Tensor base;
    private final List<Tensor> differences = new ArrayList<>();

    /**
     * @param unet with the weights of the base; it is the one that is moved, and stays the caller's
     */
    WeightsAround(UNet2DConditionModel unet) {
        this.unet = unet;
        try (Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            base = unet.parameters().flat().mul(1.0).keep();
        }
    }

    /** Takes the ingredients of a stage in place of those before. */
    void take(List<Path> models) {
        forget();
        for (Path model : models) {
            UNet2DConditionModel other = StableDiffusion.unet(model.resolve("unet"));
            try (Scope scope = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                differences.add(other.parameters().flat().sub(base).keep());
            } finally {
                other.parameters().close();
            }
        }
    }

    int ingredients() {
        return differences.size();
    }

    /** |Δw_i|: root of the mean of the squares over all weights. */
    double distance(int ingredient) {
        Tensor difference = differences.get(ingredient);
        long count = difference.elements();
        double squares = 0;
        for (long at = 0; at < count; at += PIECE) {
            try (Scope scope = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                Tensor piece = difference.narrow(0, at, Math.min(PIECE, count - at));
                squares += piece.toDouble().square().sum().item();
            }
        }
        return Math.sqrt(squares / count);
    }

    /** The UNet at w_c + s Δw_i. */
    UNet2DConditionModel ingredient(int i, double s) {
        double[] coefficients = new double[differences.size()];
        coefficients[i] = s;
        return at(coefficients);
    }

    /** The UNet at w_c + s (1/n) Σ Δw_i, the uniform soup where s is 1. */
    UNet2DConditionModel soup(double s) {
        double[] coefficients = new double[differences.size()];
        Arrays.fill(coefficients, s / coefficients.length);
        return at(coefficients);
    }

    private UNet2DConditionModel at(double[] coefficients) {
        try (Torch.Guard off = Torch.gradients(false)) {
            Tensor weights = unet.parameters().flat();
            weights.copy_(base);
            for (int i = 0; i < coefficients.length; i++) {
                if (coefficients[i] != 0) {
                    weights.add_(differences.get(i), coefficients[i]);
                }
            }
        }
        return unet;
    }

    private void forget() {
        differences.forEach(Tensor::release);
        differences.clear();
    }

    @Override
    public void close() {
        forget();
        base.release();
    }
}
