package org.diffusionsoup.diffusion.clip;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.golden.ReferenceWeights;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The text encoders against transformers' CLIPTextModel and CLIPTextModelWithProjection. */
class TextEncoderGoldenTest {
    private static final String HIDDEN_STATES = "hidden_states.";
    private static final String CLIP_SKIP = "clip_skip";

    /** Only SDXL has a second encoder, so a folder without one lacks nothing. */
    private static Stream<DynamicTest> each(Function<Golden, List<DynamicTest>> make) {
        Stream<DynamicTest> first = Reference.each("text_encoder", make);
        return Reference.open().has("text_encoder_2")
                ? Stream.concat(first, Reference.each("text_encoder_2", make))
                : first;
    }

    /** The component's folder, named like the manifest. */
    private static Path component(Golden g) {
        String name = g.name();
        return g.pipeline().resolve(name.substring(name.lastIndexOf('/') + 1));
    }

    private static ClipTextModel load(Golden g) {
        Path folder = component(g);
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        boolean projected =
                config.texts("architectures", List.of()).contains("CLIPTextModelWithProjection");
        var model = new ClipTextModel(ClipTextConfig.of(config), projected);
        ReferenceWeights.load(folder, model.parameters());
        return model;
    }

    @TestFactory
    Stream<DynamicTest> outputs() {
        return each(TextEncoderGoldenTest::outputs);
    }

    private static List<DynamicTest> outputs(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        Computed computed = new Computed();
        ClipTextModel model = load(g);
        try (Parameters owned = model.parameters();
                Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            ClipTextModel.Output output = model.forward(g.tensor("input_ids"));
            for (String tensor : g.tensors()) {
                if (!tensor.equals("input_ids")) {
                    computed.put(tensor, compute(tensor, model, output, g));
                    tests.add(computed.test(g, tensor));
                }
            }
        }
        return tests;
    }

    private static Tensor compute(
            String tensor, ClipTextModel model, ClipTextModel.Output output, Golden g) {
        if (tensor.startsWith(HIDDEN_STATES)) {
            int index = Integer.parseInt(tensor.substring(HIDDEN_STATES.length()));
            List<Tensor> states = output.hiddenStates();
            // Some states are stored for the first prompts only.
            return states.get(Math.floorMod(index, states.size())).narrow(0, 0, g.shape(tensor)[0]);
        }
        if (tensor.startsWith(CLIP_SKIP)) {
            int skip = Integer.parseInt(tensor.substring(CLIP_SKIP.length()));
            return model.clipSkip(output, skip);
        }
        return switch (tensor) {
            case "last_hidden_state" -> output.lastHiddenState();
            case "pooler_output" -> output.pooled();
            case "text_embeds" -> model.project(output);
            default -> throw new AssertionError("The manifest has an unknown output " + tensor);
        };
    }

    @TestFactory
    Stream<DynamicTest> idsOfThePrompts() {
        return each(g -> {
            String name = g.name() + " input_ids";
            return List.of(DynamicTest.dynamicTest(name, () -> checkIds(g)));
        });
    }

    private static void checkIds(Golden g) {
        String folder = component(g).getFileName().toString().replace("text_encoder", "tokenizer");
        ClipTokenizer tokenizer = ClipTokenizer.load(g.pipeline().resolve(folder));
        List<Long> actual = new ArrayList<>();
        for (JsonNode prompt : g.manifest().path("prompts")) {
            for (int id : tokenizer.encode(prompt.asText())) {
                actual.add((long) id);
            }
        }
        assertThat(actual.stream().mapToLong(Long::longValue).toArray())
                .isNotEmpty()
                .containsExactly(g.longs("input_ids"));
    }
}
