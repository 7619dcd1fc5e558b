package org.diffusionsoup.diffusion.blip;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Visual question answering and the word pieces against salesforce/BLIP. */
class BlipVqaGoldenTest {
    @TestFactory
    Stream<DynamicTest> outputs() {
        return Reference.each("blip_vqa", BlipVqaGoldenTest::outputs);
    }

    private static List<DynamicTest> outputs(Golden golden) {
        Path file = BlipReference.weights(golden);
        BlipVqa.Loaded loaded = BlipVqa.load(file);
        BlipVqa model = loaded.model();
        WordPieceTokenizer tokenizer = loaded.tokenizer();
        JsonNode manifest = golden.manifest();
        TokenRows questions =
                BlipVqa.questions(tokenizer, BlipReference.texts(manifest.path("questions")));
        TokenRows answers = model.answers(tokenizer, BlipReference.texts(manifest.path("answers")));
        Computed computed = new Computed();
        long[] best;
        try (Parameters owned = model.parameters();
                Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            BlipReference.assertLoaded(file, owned);
            Tensor images = model.imageEmbeds(golden.tensor("image"));
            computed.put("image_embeds", images);
            Tensor mask = golden.tensor("question_mask");
            Tensor states = model.questionStates(images, golden.tensor("question_ids"), mask);
            computed.put("question_states", states);
            computed.put("start_logits", model.startLogits(states, mask, tokenizer.decodeId()));
            computed.put("first_token_prob", model.firstTokenProbabilities(states, mask, answers));
            List<Tensor> scores = new ArrayList<>();
            Tensor ids = golden.tensor("answer_ids");
            Tensor answerMask = golden.tensor("answer_mask");
            for (int q = 0; q < states.size(0); q++) {
                long n = ids.size(0);
                scores.add(
                        model.answerLoss(
                                        states.narrow(0, q, 1).repeatInterleave(n),
                                        mask.narrow(0, q, 1).repeatInterleave(n),
                                        ids,
                                        answerMask)
                                .neg());
            }
            computed.put("answer_scores", Tensor.stack(scores, 0));
            int[] ranked = model.rank(states, mask, answers, manifest.path("k_test").asInt());
            best = BlipReference.flat(new int[][] {ranked});
        }
        List<DynamicTest> tests = new ArrayList<>();
        for (String tensor : golden.tensors()) {
            boolean output = manifest.at("/tensors/" + tensor + "/role").asText().equals("output");
            if (output && !tensor.equals("best_answer")) {
                tests.add(computed.test(golden, tensor));
            }
        }
        tests.add(same(golden, "best_answer", best));
        tests.add(same(golden, "question_ids", BlipReference.flat(questions.ids())));
        tests.add(same(golden, "question_mask", BlipReference.flat(questions.mask())));
        tests.add(same(golden, "answer_ids", BlipReference.flat(answers.ids())));
        tests.add(same(golden, "answer_mask", BlipReference.flat(answers.mask())));
        return tests;
    }

    private static DynamicTest same(Golden golden, String tensor, long[] actual) {
        return DynamicTest.dynamicTest(
                golden.name() + " " + tensor,
                () -> assertThat(actual).containsExactly(golden.longs(tensor)));
    }

    @TestFactory
    Stream<DynamicTest> wordPieces() {
        return Reference.each("blip_vqa", BlipVqaGoldenTest::wordPieces);
    }

    private static List<DynamicTest> wordPieces(Golden golden) {
        WordPieceTokenizer tokenizer =
                WordPieceTokenizer.read(golden.reference().require("blip/vocab.txt"));
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode c : golden.manifest().path("bert_tokenizer")) {
            List<Integer> expected = new ArrayList<>();
            c.path("input_ids").forEach(id -> expected.add(id.asInt()));
            tests.add(
                    DynamicTest.dynamicTest(
                            golden.name() + " \"" + c.path("text").asText() + "\"",
                            () ->
                                    assertThat(tokenizer.encode(c.path("text").asText()))
                                            .containsExactly(
                                                    expected.stream()
                                                            .mapToInt(Integer::intValue)
                                                            .toArray())));
        }
        return tests;
    }
}
