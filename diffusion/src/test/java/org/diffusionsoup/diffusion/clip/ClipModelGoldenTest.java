package org.diffusionsoup.diffusion.clip;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
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
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Both CLIP towers against openai/CLIP and transformers' CLIPModel. */
class ClipModelGoldenTest {
    /** The one folder below {@code clip/} that holds a model. */
    private static Path folder(Golden golden) {
        try (Stream<Path> folders = Files.list(golden.reference().require("clip"))) {
            return folders.filter(f -> Files.exists(f.resolve("config.json")))
                    .sorted()
                    .findFirst()
                    .orElseGet(() -> golden.reference().missing("clip/*/config.json"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @TestFactory
    Stream<DynamicTest> outputs() {
        return Reference.each("clip", ClipModelGoldenTest::outputs);
    }

    private static List<DynamicTest> outputs(Golden golden) {
        Path folder = folder(golden);
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        var clip = new ClipModel(ClipModel.Config.of(config));
        Computed computed = new Computed();
        List<DynamicTest> tests = new ArrayList<>();
        try (Parameters owned = clip.parameters();
                Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            ReferenceWeights.load(folder, owned);
            for (String tensor : golden.tensors()) {
                String role = golden.manifest().at("/tensors/" + tensor + "/role").asText();
                if (role.equals("output")) {
                    computed.put(tensor, compute(golden, clip, tensor));
                    tests.add(computed.test(golden, tensor));
                }
            }
            if (golden.has("input_ids_openai")) {
                // Padding after the end token must not matter: the attention is causal.
                Tensor ids = golden.tensor("input_ids_openai");
                Computed padded = new Computed();
                padded.put("text_features", clip.textFeatures(ids));
                tests.add(padded.test(golden, "text_features"));
            }
        }
        return tests;
    }

    private static Tensor compute(Golden golden, ClipModel clip, String tensor) {
        Tensor pixels = golden.tensor("pixel_values");
        Tensor ids = golden.tensor("input_ids");
        return switch (tensor) {
            case "image_features" -> clip.imageFeatures(pixels);
            case "text_features" -> clip.textFeatures(ids);
            case "logits_per_image" -> logits(clip, pixels, ids);
            case "logits_per_text" -> logits(clip, pixels, ids).transpose(0, 1);
            case "vision_last_hidden_state" -> clip.vision().forward(pixels).lastHiddenState();
            case "vision_pooler_output" -> clip.vision().forward(pixels).pooled();
            default -> throw new AssertionError("The manifest has an unknown output " + tensor);
        };
    }

    private static Tensor logits(ClipModel clip, Tensor pixels, Tensor ids) {
        Tensor images = ClipModel.normalise(clip.imageFeatures(pixels));
        Tensor texts = ClipModel.normalise(clip.textFeatures(ids));
        return images.matmul(texts.transpose(0, 1)).mul(clip.scale());
    }

    @TestFactory
    Stream<DynamicTest> idsOfThePrompts() {
        return Reference.each(
                "clip",
                golden ->
                        List.of(
                                ids(golden, ClipTokenizer.Convention.HUGGING_FACE, "input_ids"),
                                ids(golden, ClipTokenizer.Convention.OPENAI, "input_ids_openai")));
    }

    private static DynamicTest ids(
            Golden golden, ClipTokenizer.Convention convention, String tensor) {
        return DynamicTest.dynamicTest(
                golden.name() + " " + tensor,
                () -> {
                    ClipTokenizer tokenizer = ClipTokenizer.load(folder(golden), convention);
                    List<Integer> actual = new ArrayList<>();
                    for (JsonNode prompt : golden.manifest().path("prompts")) {
                        for (int id : tokenizer.encode(prompt.asText())) {
                            actual.add(id);
                        }
                    }
                    assertThat(actual.stream().mapToLong(Integer::longValue).toArray())
                            .containsExactly(golden.longs(tensor));
                });
    }
}
