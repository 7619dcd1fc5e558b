package org.diffusionsoup.diffusion.unet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.golden.ReferenceWeights;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The denoiser against diffusers' UNet2DConditionModel. */
class UNetGoldenTest {
    private static final String GRADIENT_CASE = "grad";

    /** Manifests print gradient norms with six digits; float32 rounding is of this order too. */
    private static final double NORM_TOLERANCE = 1e-4;

    static UNet2DConditionModel load(Golden golden) {
        var folder = golden.pipeline().resolve("unet");
        var unet =
                new UNet2DConditionModel(
                        UNetConfig.of(JsonConfig.read(folder.resolve("config.json"))));
        ReferenceWeights.load(folder, unet.parameters());
        return unet;
    }

    static Tensor forward(
            UNet2DConditionModel unet, Golden g, String c, Tensor sample, Tensor text) {
        Tensor timestep = g.tensor(c + ".timestep");
        return g.has(c + ".text_embeds")
                ? unet.forward(
                        sample,
                        timestep,
                        text,
                        g.tensor(c + ".text_embeds"),
                        g.tensor(c + ".time_ids"))
                : unet.forward(sample, timestep, text);
    }

    @TestFactory
    Stream<DynamicTest> outputsAndActivations() {
        return Reference.each("unet", UNetGoldenTest::outputsAndActivations);
    }

    private static List<DynamicTest> outputsAndActivations(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        UNet2DConditionModel unet = load(g);
        try (Parameters owned = unet.parameters();
                Torch.Guard off = Torch.gradients(false)) {
            for (String c : g.casesWith("out")) {
                Computed computed = new Computed();
                String activations = c + ".act.";
                owned.observe(computed.activations(g, activations));
                try (Scope scope = Scope.open()) {
                    Tensor text = g.tensor(c + ".encoder_hidden_states");
                    Tensor out = forward(unet, g, c, g.tensor(c + ".sample"), text);
                    computed.put(c + ".out", out);
                }
                tests.add(computed.test(g, c + ".out"));
                for (String module : g.tensorsUnder(activations)) {
                    tests.add(computed.test(g, activations + module));
                }
            }
        }
        return tests;
    }

    @TestFactory
    Stream<DynamicTest> gradients() {
        return Reference.each("unet", UNetGoldenTest::gradients);
    }

    private static List<DynamicTest> gradients(Golden g) {
        if (!g.has("grad.target")) {
            return g.reference().missing("gradients in goldens/" + g.name());
        }
        Computed computed = new Computed();
        List<DynamicTest> tests = new ArrayList<>();
        UNet2DConditionModel unet = load(g);
        try (Parameters owned = unet.parameters()) {
            owned.train();
            try (Scope scope = Scope.open()) {
                Tensor sample = g.tensor("grad.sample").requiresGrad_(true);
                Tensor text = g.tensor("grad.encoder_hidden_states").requiresGrad_(true);
                Tensor out = forward(unet, g, GRADIENT_CASE, sample, text);
                Functional.mse(out, g.tensor("grad.target")).backward();
                computed.put("grad.grad_sample", sample.grad());
                computed.put("grad.grad_encoder_hidden_states", text.grad());
                for (String name : g.tensorsUnder("grad.param.")) {
                    computed.put("grad.param." + name, gradient(owned, name));
                }
                tests.addAll(norms(g, owned));
            }
        }
        tests.add(computed.test(g, "grad.grad_sample"));
        tests.add(computed.test(g, "grad.grad_encoder_hidden_states"));
        for (String name : g.tensorsUnder("grad.param.")) {
            tests.add(computed.test(g, "grad.param." + name));
        }
        return tests;
    }

    private static Tensor gradient(Parameters parameters, String name) {
        Parameter parameter = parameters.find(name);
        assertThat(parameter).as("parameter " + name).isNotNull();
        return parameters.grad(parameter);
    }

    /** The Euclidean norm of every parameter's gradient. */
    private static List<DynamicTest> norms(Golden g, Parameters parameters) {
        List<DynamicTest> tests = new ArrayList<>();
        JsonNode norms = g.manifest().path("grad_l2_norm_per_parameter");
        for (Map.Entry<String, JsonNode> entry : norms.properties()) {
            double sum = 0;
            for (float x : gradient(parameters, entry.getKey()).toFloatArray()) {
                sum += (double) x * x;
            }
            double norm = Math.sqrt(sum);
            double expected = entry.getValue().asDouble();
            tests.add(
                    DynamicTest.dynamicTest(
                            g.name() + " gradient norm of " + entry.getKey(),
                            () ->
                                    assertThat(norm)
                                            .isCloseTo(
                                                    expected,
                                                    within(NORM_TOLERANCE * (expected + 1e-3)))));
        }
        return tests;
    }
}
