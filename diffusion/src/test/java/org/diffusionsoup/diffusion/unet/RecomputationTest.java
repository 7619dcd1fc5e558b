package org.diffusionsoup.diffusion.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.LowRankFactors;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.NativeObjects;
import org.diffusionsoup.diffusion.torch.Recomputation;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Isolated;

/** Gradient checkpointing: the same gradients, bit for bit, with the activations of one segment. */
@Isolated("it counts the native objects of all")
class RecomputationTest {
    /** What a backward pass leaves. */
    private record Pass(float loss, float[] weights, float[] sample, long recomputed) {}

    @TestFactory
    Stream<DynamicTest> gradientsAreTheSameBits() {
        return Reference.each("unet", RecomputationTest::gradients);
    }

    private static List<DynamicTest> gradients(Golden g) {
        Map<String, Pass[]> passes = new LinkedHashMap<>();
        UNet2DConditionModel unet = UNetGoldenTest.load(g);
        try (Parameters owned = unet.parameters()) {
            LowRankOptions all = new LowRankOptions(2, 4, LowRankOptions.Target.ALL);
            try (LowRankFactors factors = all.attach(unet, 3)) {
                factors.parameters().train();
                passes.put("LoRA", both(unet, factors.parameters(), g, false));
            }
            owned.train();
            passes.put("weights", both(unet, owned, g, false));
            passes.put("weights in bfloat16", both(unet, owned, g, true));
        }
        List<DynamicTest> tests = new ArrayList<>();
        passes.forEach((name, p) -> {
            String title = g.name() + " " + name;
            tests.add(DynamicTest.dynamicTest(title, () -> areTheSame(p[0], p[1])));
        });
        return tests;
    }

    private static void areTheSame(Pass plain, Pass recomputed) {
        assertThat(recomputed.loss).isEqualTo(plain.loss);
        // not isEqualTo, which prints every number where one differs
        assertThat(Arrays.mismatch(recomputed.weights, plain.weights)).isEqualTo(-1);
        assertThat(Arrays.mismatch(recomputed.sample, plain.sample)).isEqualTo(-1);
        assertThat(Arrays.equals(plain.weights, new float[plain.weights.length])).isFalse();
        assertThat(recomputed.recomputed).as("modules run").isGreaterThan(plain.recomputed);
    }

    private static Pass[] both(
            UNet2DConditionModel unet, Parameters trained, Golden g, boolean half) {
        return new Pass[] {pass(unet, trained, g, half, false), pass(unet, trained, g, half, true)};
    }

    private static Pass pass(
            UNet2DConditionModel unet, Parameters trained, Golden g, boolean half, boolean again) {
        long[] modules = new long[1];
        unet.parameters().observe((path, out) -> modules[0]++);
        trained.flatGrad().zero_();
        long objects = NativeObjects.inUse();
        Pass pass;
        try (Scope scope = Scope.open();
                Recomputation memory = Recomputation.open(again)) {
            Tensor sample = g.tensor("grad.sample").requiresGrad_(true);
            Tensor text = g.tensor("grad.encoder_hidden_states");
            Tensor loss;
            try (Torch.Guard on = Torch.bfloat16Compute(half)) {
                Tensor out = UNetGoldenTest.forward(unet, g, "grad", sample, text);
                loss = Functional.mse(out.toFloat(), g.tensor("grad.target"));
            }
            memory.backward(loss);
            pass =
                    new Pass(
                            loss.item(),
                            trained.flatGrad().toFloatArray(),
                            sample.grad().toFloatArray(),
                            modules[0]);
        }
        if (again) { // after a pass that made the constants
            assertThat(Torch.nativeObjects()).as("leaked tensors").isEqualTo(objects);
        }
        unet.parameters().observe(null);
        return pass;
    }

    /** A forward pass that fails, or is never followed by a backward one, leaves nothing behind. */
    @Test
    void closingFreesWhatNoBackwardPassDid() {
        long objects = NativeObjects.inUse();
        for (int i = 0; i < 2; i++) {
            try (Scope scope = Scope.open();
                    Recomputation memory = Recomputation.open(true)) {
                Tensor w = Tensor.ones(2).requiresGrad_(true);
                Tensor root = w.mul(3);
                Tensor y = Recomputation.segment(Tensor::mul, root, root);
                assertThat(y.toFloatArray()).containsExactly(9, 9);
                assertThatThrownBy(() -> Recomputation.open(true))
                        .isInstanceOf(TorchException.class);
            }
        }
        assertThat(Torch.nativeObjects()).isEqualTo(objects);
    }

    /** A tensor between segments that is computed outside of any passes its gradient on. */
    @Test
    void whatLiesBetweenSegmentsIsReached() {
        float[][] gradients = new float[2][];
        for (int i = 0; i < 2; i++) {
            try (Scope scope = Scope.open();
                    Recomputation memory = Recomputation.open(i == 1)) {
                Tensor w = Tensor.of(new float[] {0.5f, -2}).requiresGrad_(true);
                Tensor a = Recomputation.segment((x, y) -> x.mul(y).exp(), w, w.add(1));
                Tensor between = a.mul(2).sin();
                Tensor b = Recomputation.segment(Tensor::mul, between, a);
                Tensor c = Recomputation.segment(Tensor::add, b, between);
                memory.backward(c.square().sum());
                gradients[i] = w.grad().toFloatArray();
            }
        }
        assertThat(gradients[1]).isEqualTo(gradients[0]).doesNotContain(0);
    }
}
