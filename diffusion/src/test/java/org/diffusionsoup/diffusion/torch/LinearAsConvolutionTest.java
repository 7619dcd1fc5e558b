package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A layer computed as a 1×1 convolution is the layer, and so are its gradients. */
class LinearAsConvolutionTest {
    /** Of sums of up to 96 products of values about 1, in another order. */
    private static final float ROUNDING = 2e-5f;

    @ParameterizedTest
    @CsvSource({"17, 1, 24, 40, true", "3, 19, 96, 8, false", "1, 64, 5, 7, true"})
    void valuesAndGradientsAreThoseOfTheProduct(
            long n, long tokens, long in, long out, boolean hasBias) {
        try (Scope s = Scope.open();
                Rng rng = new Rng(n + tokens)) {
            Tensor x = rng.normal(n, tokens, in);
            Tensor weight = rng.normal(out, in);
            Tensor[] bias = hasBias ? new Tensor[] {rng.normal(out)} : new Tensor[0];
            Tensor weigh = rng.normal(n, tokens, out);

            Tensor[] product = leaves(x, weight);
            Tensor a = plain(product[0], product[1], bias);
            a.mul(weigh).sum().backward();
            Tensor[] convolution = leaves(x, weight);
            Tensor b = Functional.asConvolution(convolution[0], convolution[1], bias);
            b.mul(weigh).sum().backward();

            assertThat(b.shape()).isEqualTo(new long[] {n, tokens, out});
            assertClose(b, a);
            assertClose(convolution[0].grad(), product[0].grad());
            assertClose(convolution[1].grad(), product[1].grad());
        }
    }

    private static Tensor[] leaves(Tensor x, Tensor weight) {
        return new Tensor[] {
            x.detach().mul(1.0).requiresGrad_(true), weight.detach().mul(1.0).requiresGrad_(true)
        };
    }

    /** libtorch's own, however many threads there are. */
    private static Tensor plain(Tensor x, Tensor weight, Tensor... bias) {
        Tensor y = new Tensor(torch.matmul(x.raw(), weight.raw().t()));
        return bias.length == 0 ? y : y.add(bias[0]);
    }

    private static void assertClose(Tensor actual, Tensor expected) {
        float[] a = actual.toFloatArray();
        float[] e = expected.toFloatArray();
        assertThat(a).hasSameSizeAs(e);
        for (int i = 0; i < a.length; i++) {
            float size = Math.max(1, Math.abs(e[i]));
            assertThat(a[i]).as("value %d", i).isCloseTo(e[i], within(ROUNDING * size));
        }
    }
}
