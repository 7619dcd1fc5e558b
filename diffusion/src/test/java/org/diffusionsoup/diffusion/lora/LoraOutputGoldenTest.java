package org.diffusionsoup.diffusion.lora;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.model.WeightsView;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What models with LoRAs in them compute and draw, against diffusers with the layers not fused. */
class LoraOutputGoldenTest {
    private static final String RUN_END = "/unet.out";

    /** Tiny tensors: a second thread only waits, and for long where the machine is busy. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @TestFactory
    Stream<DynamicTest> loras() {
        return Reference.each("lora", LoraOutputGoldenTest::tests);
    }

    @TestFactory
    Stream<DynamicTest> lycoris() {
        return Reference.each("lycoris", LoraOutputGoldenTest::tests);
    }

    private static List<DynamicTest> tests(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        for (String tensor : g.tensors()) {
            if (tensor.endsWith(RUN_END)) {
                String run = tensor.substring(0, tensor.length() - RUN_END.length());
                tests.add(DynamicTest.dynamicTest(g.name() + " " + run, () -> check(g, run)));
            }
        }
        return tests;
    }

    /**
     * The terms that the manifest states, or those that a name such as {@code dora/scale1} says.
     */
    private static List<LoraFusion.Term> terms(Golden g, LoraCase c, String run) {
        JsonNode stated = g.manifest().path("runs").path(run).path("terms");
        if (!stated.isMissingNode()) {
            return c.terms(stated);
        }
        int at = run.indexOf("/scale");
        double strength = Double.parseDouble(run.substring(at + "/scale".length()));
        return List.of(new LoraFusion.Term(c.lora(run.substring(0, at)), strength));
    }

    private static void check(Golden g, String run) {
        try (LoraCase c = new LoraCase(g);
                Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            List<LoraFusion.Term> terms = terms(g, c, run);
            LoraFusion.check(c.base().parts(), terms);
            WeightsView view = (name, stored) -> LoraFusion.component(name, stored, terms);
            List<String> outputs = g.tensorsUnder(run + "/");
            UNet2DConditionModel unet = StableDiffusion.unet(g.pipeline().resolve("unet"), view);
            try (Parameters owned = unet.parameters()) {
                g.assertClose(run + RUN_END, unet(g, unet));
            }
            for (String output : outputs) {
                if (output.startsWith("text_encoder")) {
                    text(g, run + "/" + output, output, view);
                }
            }
            if (outputs.stream().anyMatch(o -> o.startsWith("e2e."))) {
                draw(g, run + "/e2e.", view);
            }
        }
    }

    private static Tensor unet(Golden g, UNet2DConditionModel unet) {
        Tensor sample = g.tensor("unet.sample");
        Tensor text = g.tensor("unet.encoder_hidden_states");
        Tensor t = g.tensor("unet.timestep");
        return g.has("unet.text_embeds")
                ? unet.forward(
                        sample, t, text, g.tensor("unet.text_embeds"), g.tensor("unet.time_ids"))
                : unet.forward(sample, t, text);
    }

    private static void text(Golden g, String tensor, String output, WeightsView view) {
        int dot = output.indexOf('.');
        String component = output.substring(0, dot);
        Path folder = g.pipeline().resolve(component);
        ClipTextModel model = StableDiffusion.textEncoder(folder, view);
        try (Parameters owned = model.parameters()) {
            ClipTextModel.Output made = model.forward(g.tensor(component + ".input_ids"));
            g.assertClose(
                    tensor,
                    switch (output.substring(dot + 1)) {
                        case "last_hidden_state" -> made.lastHiddenState();
                        case "pooler_output" -> made.pooled();
                        case "text_embeds" -> model.project(made);
                        default -> throw new AssertionError("unknown output " + output);
                    });
        }
    }

    private static void draw(Golden g, String prefix, WeightsView view) {
        JsonNode e2e = g.manifest().path("e2e");
        ObjectNode scheduler = e2e.path("scheduler_config").deepCopy();
        scheduler.put("_class_name", e2e.path("scheduler").asText());
        SamplingOptions options =
                new SamplingOptions(
                        e2e.path("steps").asInt(),
                        e2e.path("guidance_scale").asDouble(),
                        0,
                        g.manifest().path("negative_prompt").asText(),
                        e2e.path("height").asInt(),
                        e2e.path("width").asInt());
        Tensor latents = g.tensor("latents");
        List<String> prompts =
                Collections.nCopies(
                        Math.toIntExact(latents.size(0)), g.manifest().path("prompt").asText());
        try (TextToImagePipeline loaded = TextToImagePipeline.load(g.pipeline(), view)) {
            TextToImagePipeline pipeline =
                    loaded.with(SchedulerConfig.of(new JsonConfig(prefix, scheduler)));
            Tensor made =
                    pipeline.denoise(prompts, latents, options, Optional.empty(), (i, x) -> {});
            Tensor pictures = pipeline.decode(made);
            for (String output : g.tensorsUnder(prefix)) {
                switch (output) {
                    case "final_latents" -> g.assertClose(prefix + output, made);
                    case "image" -> g.assertClose(prefix + output, pictures.permute(0, 2, 3, 1));
                    case "image_u8" -> bytes(g, prefix + output, pictures);
                    default -> assertThat(output).isEqualTo("known");
                }
            }
        }
    }

    /** The manifest allows one level of difference. */
    private static void bytes(Golden g, String tensor, Tensor pictures) {
        float[] all = new float[Math.toIntExact(pictures.elements())];
        int at = 0;
        for (byte[] row : TextToImagePipeline.toBytes(pictures)) {
            for (byte b : row) {
                all[at++] = b & 0xFF;
            }
        }
        g.assertClose(tensor, all, 1, g.shape(tensor));
    }
}
