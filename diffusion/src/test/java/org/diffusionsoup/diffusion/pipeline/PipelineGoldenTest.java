package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Text to image against diffusers' own pipelines, from the same initial latents. */
class PipelineGoldenTest {
    /** Tiny tensors: a second thread only waits, and for long where the machine is busy. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @TestFactory
    Stream<DynamicTest> runs() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Golden g : Reference.open().goldens("e2e")) {
            for (Map.Entry<String, JsonNode> run : g.manifest().path("runs").properties()) {
                tests.add(
                        DynamicTest.dynamicTest(
                                g.name() + " " + run.getKey(),
                                () -> check(g, run.getKey(), run.getValue())));
            }
        }
        assertThat(tests).isNotEmpty();
        return tests.stream();
    }

    private static void check(Golden g, String name, JsonNode run) {
        try (Scope scope = Scope.open();
                TextToImagePipeline loaded = TextToImagePipeline.load(g.pipeline())) {
            TextToImagePipeline pipeline = loaded.with(GoldenRun.scheduler(name, run));
            Tensor latents = g.tensor("latents");
            int n = Math.toIntExact(latents.size(0));
            SamplingOptions options =
                    new SamplingOptions(
                            run.path("steps").asInt(),
                            run.path("guidance_scale").asDouble(),
                            run.path("guidance_rescale").asDouble(0),
                            run.path("negative_prompt").isTextual()
                                    ? run.path("negative_prompt").asText()
                                    : "",
                            run.path("height").asInt(),
                            run.path("width").asInt());
            List<Tensor> trajectory = new ArrayList<>();
            Tensor made =
                    pipeline.denoise(
                            Collections.nCopies(n, run.path("prompt").asText()),
                            latents,
                            options,
                            Optional.empty(),
                            (step, x) -> trajectory.add(x.detach().keep()));
            Tensor pictures = pipeline.decode(made);

            List<String> outputs = g.tensorsUnder(name + ".");
            assertThat(outputs).isNotEmpty();
            for (String output : outputs) {
                String tensor = name + "." + output;
                switch (output) {
                    case "final_latents" -> g.assertClose(tensor, made);
                    case "trajectory" -> g.assertClose(tensor, Tensor.stack(trajectory, 0));
                    case "image" -> g.assertClose(tensor, pictures.permute(0, 2, 3, 1));
                    case "image_u8" -> GoldenRun.checkBytes(g, tensor, pictures);
                    default -> assertThat(output).as("output of " + name).isEqualTo("known");
                }
            }
            trajectory.forEach(Tensor::release);
        }
    }
}
