package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.blip.BlipVqa;
import org.diffusionsoup.diffusion.blip.ImageReward;
import org.diffusionsoup.diffusion.blip.TokenRows;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The judges over the project's tiny BLIP models, against the models themselves. */
class BlipJudgesTest {
    private static final Path BLIP =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference/blip");
    private static final Path REWARD = BLIP.resolve("tiny_imagereward.safetensors");
    private static final Path VQA = BLIP.resolve("tiny_blip_vqa.safetensors");

    @TempDir Path temporary;

    private static List<Picture> pictures(int n) {
        var random = new SplittableRandom(7);
        List<Picture> out = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int width = 24 + i % 5;
            byte[] samples = new byte[3 * width * 40];
            random.nextBytes(samples);
            out.add(Picture.rgb(width, 40, samples));
        }
        return out;
    }

    @Test
    void rewardsAreTheModelsWhateverTheBatch() {
        List<Picture> pictures = pictures(35);
        List<String> captions = new ArrayList<>(Collections.nCopies(34, "a red cat"));
        captions.add("two birds and a dog");
        ImageReward.Loaded plain = ImageReward.load(REWARD);
        try (ImageRewardJudge judge = ImageRewardJudge.load(REWARD);
                Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            double[] scores = judge.score(pictures, captions);
            for (int i : new int[] {0, 15, 16, 33, 34}) {
                var pixels = plain.model().pixels(List.of(pictures.get(i)));
                TokenRows text = ImageReward.tokens(plain.tokenizer(), List.of(captions.get(i)));
                Tensor reward =
                        plain.model()
                                .forward(
                                        Tensor.of(pixels.values(), pixels.shape()),
                                        text.idTensor(),
                                        text.maskTensor());
                assertThat(scores[i]).isCloseTo(reward.item(), within(1e-5));
            }
            assertThat(judge.judge().weightsSha256()).isEqualTo(WeightsHash.of(REWARD));
            assertThat(judge.judge().convention()).contains("35 tokens");
            assertThat(judge.isCut("cat ".repeat(33))).isFalse();
            assertThat(judge.isCut("cat ".repeat(34))).isTrue();
            assertThatThrownBy(() -> judge.score(pictures, List.of("one")))
                    .isInstanceOf(EvalException.class)
                    .hasMessageContaining("35 pictures need as many captions");
        } finally {
            plain.model().parameters().close();
        }
    }

    @Test
    void answersAreTheRankedChoicesWhateverTheBatch() {
        List<TifaQuestion> questions =
                List.of(
                        question("what color is the cat?", "red", "blue", "green"),
                        question("Is there a \"ship\"?", "yes", "no"),
                        question("how many dogs?", "two", "three", "one", "a man with a hat"));
        List<Picture> pictures = pictures(12);
        BlipVqa.Loaded plain = BlipVqa.load(VQA);
        try (BlipVqaAnswerer answerer = BlipVqaAnswerer.load(VQA);
                Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            int[][] answers = answerer.answer(pictures, questions);
            assertThat(answers).hasDimensions(12, 3);
            for (int p : new int[] {0, 7, 8, 11}) {
                for (int q = 0; q < 3; q++) {
                    String asked = q == 1 ? "is there a ship?" : questions.get(q).question();
                    assertThat(answers[p][q])
                            .as("picture %d, question %d", p, q)
                            .isEqualTo(alone(plain, pictures.get(p), asked, questions.get(q)));
                }
            }
        } finally {
            plain.model().parameters().close();
        }
    }

    /** The same weights under the names, and with the config, that transformers gives them. */
    private Path transformersFolder() throws IOException {
        Path folder = temporary.resolve("blip-vqa");
        Files.createDirectories(folder);
        Files.copy(BLIP.resolve("vocab.txt"), folder.resolve("vocab.txt"));
        Files.writeString(
                folder.resolve("config.json"),
                """
                {"model_type": "blip",
                 "text_config": {"hidden_size": 32, "intermediate_size": 64, "vocab_size": 128,
                  "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64},
                 "vision_config": {"hidden_size": 24, "intermediate_size": 96, "image_size": 32,
                  "patch_size": 16, "num_hidden_layers": 2, "num_attention_heads": 3,
                  "layer_norm_eps": 1e-6}}
                """);
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile file = SafetensorsFile.open(VQA)) {
            for (TensorInfo t : file.tensors().values()) {
                byte[] data = file.data(t.name()).toArray(ValueLayout.JAVA_BYTE);
                entries.add(
                        new TensorEntry(
                                transformersName(t.name()),
                                t.dtype(),
                                t.shape(),
                                out -> out.write(ByteBuffer.wrap(data))));
            }
        }
        SafetensorsWriter.write(folder.resolve("model.safetensors"), Map.of(), entries);
        Files.write(folder.resolve("pytorch_model.bin"), new byte[] {1}); // not looked at
        return folder;
    }

    private static String transformersName(String name) {
        if (!name.startsWith("visual_encoder.")) {
            return name;
        }
        return name.replace("visual_encoder.cls_token", "vision_model.embeddings.class_embedding")
                .replace("visual_encoder.pos_embed", "vision_model.embeddings.position_embedding")
                .replace(
                        "visual_encoder.patch_embed.proj",
                        "vision_model.embeddings.patch_embedding")
                .replaceFirst("^visual_encoder\\.norm", "vision_model.post_layernorm")
                .replace("visual_encoder.blocks.", "vision_model.encoder.layers.")
                .replace(".attn.qkv.", ".self_attn.qkv.")
                .replace(".attn.proj.", ".self_attn.projection.")
                .replace(".norm1.", ".layer_norm1.")
                .replace(".norm2.", ".layer_norm2.");
    }

    @Test
    void transformersLayoutIsTheSameModel() throws IOException {
        Path folder = transformersFolder();
        try (SafetensorsFile renamed = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            assertThat(renamed.tensors().keySet())
                    .noneMatch(n -> n.startsWith("visual_encoder."))
                    .contains(
                            "vision_model.encoder.layers.1.self_attn.projection.bias",
                            "vision_model.post_layernorm.weight");
        }
        List<TifaQuestion> questions =
                List.of(question("what color is the cat?", "red", "blue", "green", "two"));
        List<Picture> pictures = pictures(6);
        BlipVqa.Loaded plain = BlipVqa.load(VQA);
        BlipVqa.Loaded other = BlipVqa.load(folder);
        try (BlipVqaAnswerer answerer = BlipVqaAnswerer.load(VQA);
                BlipVqaAnswerer same = BlipVqaAnswerer.load(folder);
                Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            assertThat(same.answer(pictures, questions))
                    .isDeepEqualTo(answerer.answer(pictures, questions));
            var pixels = plain.model().pixels(pictures);
            Tensor image = Tensor.of(pixels.values(), pixels.shape());
            assertThat(other.model().imageEmbeds(image).toFloatArray())
                    .isEqualTo(plain.model().imageEmbeds(image).toFloatArray());
        } finally {
            plain.model().parameters().close();
            other.model().parameters().close();
        }
    }

    private static int alone(
            BlipVqa.Loaded vqa, Picture picture, String asked, TifaQuestion question) {
        BlipVqa model = vqa.model();
        var pixels = model.pixels(List.of(picture));
        Tensor seen = model.imageEmbeds(Tensor.of(pixels.values(), pixels.shape()));
        TokenRows text = BlipVqa.questions(vqa.tokenizer(), List.of(asked));
        Tensor mask = text.maskTensor();
        Tensor states = model.questionStates(seen, text.idTensor(), mask);
        TokenRows choices = model.answers(vqa.tokenizer(), question.choices());
        return model.rank(states, mask, choices, BlipVqa.RANKED)[0];
    }

    private static TifaQuestion question(String text, String... choices) {
        return new TifaQuestion("1", "caption", text, List.of(choices), choices[0], "other");
    }

    @Test
    void aMissingOrAmbiguousModelIsOneSentence() {
        assertThatThrownBy(() -> ImageRewardJudge.load(BLIP.resolve("nothing.pt")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("nothing.pt does not exist");
        assertThatThrownBy(() -> BlipVqaAnswerer.load(BLIP))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("holds 2 checkpoints");
        assertThatThrownBy(() -> BlipVqaAnswerer.load(REWARD))
                .hasMessageContaining("tiny_imagereward.safetensors is an ImageReward")
                .hasMessageContaining("name it as imagereward:");
    }
}
