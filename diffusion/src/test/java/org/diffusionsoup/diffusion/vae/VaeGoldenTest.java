package org.diffusionsoup.diffusion.vae;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.golden.ReferenceWeights;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The autoencoder against diffusers' AutoencoderKL. */
class VaeGoldenTest {
    private static final List<String> OUTPUTS =
            List.of("mean", "logvar", "sampled", "kl", "decoded");

    @TestFactory
    Stream<DynamicTest> outputsAndActivations() {
        return Reference.each("vae", VaeGoldenTest::all);
    }

    private static List<DynamicTest> all(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        Path folder = g.pipeline().resolve("vae");
        var vae = new AutoencoderKL(VaeConfig.of(JsonConfig.read(folder.resolve("config.json"))));
        try (Parameters owned = vae.parameters();
                Torch.Guard off = Torch.gradients(false)) {
            ReferenceWeights.load(folder, owned);
            for (String c : g.casesWith("pixels")) {
                tests.addAll(testsOf(g, c, vae));
            }
        }
        return tests;
    }

    private static List<DynamicTest> testsOf(Golden g, String c, AutoencoderKL vae) {
        Computed computed = new Computed();
        String activations = c + ".act.";
        vae.parameters().observe(computed.activations(g, activations));
        try (Scope scope = Scope.open()) {
            DiagonalGaussian latents = vae.encode(g.tensor(c + ".pixels"));
            computed.put(c + ".mean", latents.mean());
            computed.put(c + ".logvar", latents.logVariance());
            computed.put(c + ".sampled", latents.sample(g.tensor(c + ".noise")));
            computed.put(c + ".kl", latents.kl());
            computed.put(c + ".decoded", vae.decode(g.tensor(c + ".latent")));
        }
        List<DynamicTest> tests = new ArrayList<>();
        OUTPUTS.forEach(what -> tests.add(computed.test(g, c + "." + what)));
        for (String module : g.tensorsUnder(activations)) {
            tests.add(computed.test(g, activations + module));
        }
        return tests;
    }
}
