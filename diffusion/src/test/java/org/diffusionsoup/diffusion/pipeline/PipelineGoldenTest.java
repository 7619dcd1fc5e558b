package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.image.Picture;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Text to image against diffusers' own pipelines, from the same initial latents. */
class PipelineGoldenTest {
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
        ObjectNode scheduler = run.path("scheduler_config").deepCopy();
        scheduler.put("_class_name", run.path("scheduler").asText());
        try (Scope scope = Scope.open();
                TextToImagePipeline pipeline = TextToImagePipeline.load(g.pipeline())) {
            Tensor latents = g.tensor("latents");
            int n = Math.toIntExact(latents.size(0));
            List<float[]> trajectory = new ArrayList<>();
            GenerationRequest request =
                    GenerationRequest.of(texts(run.path("prompt"), n), 0)
                            .withLatents(latents)
                            .withSteps(run.path("steps").asInt())
                            .withGuidance(
                                    new Guidance(
                                            run.path("guidance_scale").asDouble(),
                                            run.path("guidance_rescale").asDouble(0)))
                            .withEta(run.path("eta").asDouble(0))
                            .withSize(run.path("height").asInt(), run.path("width").asInt())
                            .withScheduler(SchedulerConfig.of(new JsonConfig(name, scheduler)))
                            .withListener((step, steps, x) -> trajectory.add(x.toFloatArray()));
            JsonNode negative = run.path("negative_prompt");
            if (!negative.isNull() && !negative.isMissingNode()) {
                request = request.withNegativePrompts(texts(negative, n));
            }
            GeneratedPictures made = pipeline.generate(request);

            List<String> outputs = g.tensorsUnder(name + ".");
            assertThat(outputs).isNotEmpty();
            for (String output : outputs) {
                String tensor = name + "." + output;
                switch (output) {
                    case "final_latents" ->
                            g.assertClose(tensor, made.latents(), made.latentShape());
                    case "trajectory" ->
                            g.assertClose(tensor, joined(trajectory), g.shape(tensor));
                    case "image" ->
                            g.assertClose(
                                    tensor,
                                    made.pixels(),
                                    made.count(),
                                    made.height(),
                                    made.width(),
                                    3);
                    case "image_u8" -> checkBytes(g, tensor, made);
                    default -> assertThat(output).as("output of " + name).isEqualTo("known");
                }
            }
        }
    }

    /** The manifest allows one level of difference. */
    private static void checkBytes(Golden g, String tensor, GeneratedPictures made) {
        List<float[]> rows = new ArrayList<>();
        for (Picture p : made.pictures()) {
            byte[] samples = p.samples();
            float[] row = new float[samples.length];
            for (int i = 0; i < row.length; i++) {
                row[i] = samples[i] & 0xFF;
            }
            rows.add(row);
        }
        g.assertClose(tensor, joined(rows), 1, g.shape(tensor));
    }

    private static List<String> texts(JsonNode node, int n) {
        List<String> out = new ArrayList<>();
        if (node.isArray()) {
            node.forEach(v -> out.add(v.asText()));
        } else {
            for (int i = 0; i < n; i++) {
                out.add(node.asText());
            }
        }
        return out;
    }

    private static float[] joined(List<float[]> parts) {
        float[] out = new float[parts.stream().mapToInt(p -> p.length).sum()];
        int at = 0;
        for (float[] p : parts) {
            System.arraycopy(p, 0, out, at, p.length);
            at += p.length;
        }
        return out;
    }
}
