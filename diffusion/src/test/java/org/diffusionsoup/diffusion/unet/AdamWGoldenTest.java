package org.diffusionsoup.diffusion.unet;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.AdamW;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Training steps of the whole UNet against torch.optim.AdamW. */
class AdamWGoldenTest {
    @TestFactory
    Stream<DynamicTest> steps() {
        return Reference.each("unet", AdamWGoldenTest::steps);
    }

    /** Trains on one batch for as many steps as losses are stored. */
    private static List<DynamicTest> steps(Golden g) {
        if (!g.has("grad.losses")) {
            return g.reference().missing("AdamW steps in goldens/" + g.name());
        }
        Computed computed = new Computed();
        float[] losses = new float[g.floats("grad.losses").length];
        UNet2DConditionModel unet = UNetGoldenTest.load(g);
        try (Parameters owned = unet.parameters()) {
            owned.train();
            try (AdamW optimizer = new AdamW(owned, 0.9, 0.999, 1e-8, 1e-2)) {
                for (int i = 0; i < losses.length; i++) {
                    owned.flatGrad().zero_();
                    try (Scope scope = Scope.open()) {
                        Tensor loss = Functional.mse(trained(unet, g), g.tensor("grad.target"));
                        loss.backward();
                        losses[i] = loss.item();
                    }
                    optimizer.step(1e-3);
                }
            }
            try (Scope scope = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                computed.put("grad.losses", Tensor.of(losses));
                for (String name : g.tensorsUnder("grad.adamw3.")) {
                    computed.put("grad.adamw3." + name, after(unet, g, name));
                }
            }
        }
        List<DynamicTest> tests = new ArrayList<>();
        tests.add(computed.test(g, "grad.losses"));
        for (String name : g.tensorsUnder("grad.adamw3.")) {
            tests.add(computed.test(g, "grad.adamw3." + name));
        }
        return tests;
    }

    private static Tensor trained(UNet2DConditionModel unet, Golden g) {
        Tensor text = g.tensor("grad.encoder_hidden_states");
        return UNetGoldenTest.forward(unet, g, "grad", g.tensor("grad.sample"), text);
    }

    private static Tensor after(UNet2DConditionModel unet, Golden g, String name) {
        if (name.equals("out")) {
            return trained(unet, g);
        }
        Parameter parameter = unet.parameters().find(name);
        assertThat(parameter).as("parameter " + name).isNotNull();
        return parameter.value();
    }
}
