package org.diffusionsoup.diffusion.blip;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** ImageReward against THUDM/ImageReward, the gradient with respect to the pixels included. */
class ImageRewardGoldenTest {
    @TestFactory
    Stream<DynamicTest> outputs() {
        return Reference.each("imagereward", ImageRewardGoldenTest::tests);
    }

    private static List<DynamicTest> tests(Golden golden) {
        Path file = BlipReference.weights(golden);
        ImageReward.Loaded loaded = ImageReward.load(file);
        ImageReward model = loaded.model();
        Computed computed = new Computed();
        List<DynamicTest> tests = new ArrayList<>();
        try (Parameters owned = model.parameters();
                Torch.Guard on = Torch.gradients(true);
                Scope scope = Scope.open()) {
            BlipReference.assertLoaded(file, owned);
            Tensor pixels = golden.tensor("pixel_values").requiresGrad_(true);
            Tensor images = model.imageEmbeds(pixels);
            Tensor states =
                    model.textStates(
                            images, golden.tensor("input_ids"), golden.tensor("attention_mask"));
            Tensor reward = model.reward(states);
            reward.sum().backward();
            computed.put("image_embeds", images);
            computed.put("text_last_hidden_state", states);
            computed.put("reward", reward);
            computed.put("grad_pixel_values", pixels.grad());
        }
        for (String tensor : golden.tensors()) {
            if (golden.manifest().at("/tensors/" + tensor + "/role").asText().equals("output")) {
                tests.add(computed.test(golden, tensor));
            }
        }
        List<String> prompts = BlipReference.texts(golden.manifest().path("prompts"));
        TokenRows rows = ImageReward.tokens(loaded.tokenizer(), prompts);
        tests.add(
                DynamicTest.dynamicTest(
                        golden.name() + " ids of the prompts",
                        () -> {
                            assertThat(BlipReference.flat(rows.ids()))
                                    .containsExactly(golden.longs("input_ids"));
                            assertThat(BlipReference.flat(rows.mask()))
                                    .containsExactly(golden.longs("attention_mask"));
                        }));
        return tests;
    }
}
