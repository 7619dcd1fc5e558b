package org.diffusionsoup.diffusion.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.diffusionsoup.diffusion.golden.Reference;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Token ids against those of transformers' and OpenAI's tokenizers. */
class TokenizerGoldenTest {
    private final Reference reference = Reference.open();

    @TempDir Path scratch;

    private List<JsonNode> cases() {
        JsonNode golden = Reference.json(reference.require("goldens/tokenizer.json"));
        List<JsonNode> cases =
                StreamSupport.stream(golden.path("cases").spliterator(), false).toList();
        assertThat(cases).as("cases of goldens/tokenizer.json").isNotEmpty();
        return cases;
    }

    @TestFactory
    Stream<DynamicTest> huggingFaceIds() {
        ClipTokenizer tokenizer = ClipTokenizer.load(reference.require("tokenizer_clip"));
        return cases().stream()
                .map(c ->
                        test(
                                c,
                                () -> {
                                    String text = c.path("text").asText();
                                    assertThat(tokenizer.encode(text))
                                            .containsExactly(ids(c, "input_ids"));
                                    assertThat(tokenizer.encodeUnpadded(text))
                                            .hasSize(c.path("n_untruncated").asInt());
                                }));
    }

    @TestFactory
    Stream<DynamicTest> huggingFaceIdsPaddedWithExclamationMark() throws IOException {
        ClipTokenizer tokenizer = ClipTokenizer.load(withPadToken("!"));
        return cases().stream()
                .filter(c -> c.has("input_ids_pad_bang"))
                .map(c ->
                        test(
                                c,
                                () ->
                                        assertThat(tokenizer.encode(c.path("text").asText()))
                                                .containsExactly(ids(c, "input_ids_pad_bang"))));
    }

    @TestFactory
    Stream<DynamicTest> openAiIds() {
        ClipTokenizer tokenizer =
                ClipTokenizer.load(
                        reference.require("tokenizer_clip"), ClipTokenizer.Convention.OPENAI);
        return cases().stream().map(c -> test(c, () -> checkOpenAi(tokenizer, c)));
    }

    private static void checkOpenAi(ClipTokenizer tokenizer, JsonNode c) {
        boolean same = c.path("openai_same").asBoolean();
        int[] framed = same ? upToFirstPad(c) : ids(c, "openai_ids");
        int[] actual = tokenizer.encode(c.path("text").asText());
        assertThat(actual).startsWith(framed);
        for (int i = framed.length; i < actual.length; i++) {
            assertThat(actual[i]).as("padding at %d", i).isZero();
        }
    }

    /** Hugging Face's ids without their padding. */
    private static int[] upToFirstPad(JsonNode c) {
        int[] ids = ids(c, "input_ids");
        int length = Math.min(c.path("n_untruncated").asInt(), ids.length);
        return Arrays.copyOf(ids, length);
    }

    @TestFactory
    Stream<DynamicTest> everyTokenizerFolderPadsAsConfigured() throws IOException {
        List<Path> folders = new ArrayList<>();
        try (Stream<Path> files = Files.walk(reference.require("pipelines"))) {
            files.filter(f -> f.endsWith("tokenizer_config.json"))
                    .map(Path::getParent)
                    .sorted()
                    .forEach(folders::add);
        }
        assertThat(folders).isNotEmpty();
        return folders.stream()
                .map(folder ->
                        DynamicTest.dynamicTest(
                                reference.root().relativize(folder).toString(),
                                () -> checkFolder(folder)));
    }

    private static void checkFolder(Path folder) {
        JsonNode config = Reference.json(folder.resolve("tokenizer_config.json"));
        JsonNode vocabulary = Reference.json(folder.resolve("vocab.json"));
        ClipTokenizer tokenizer = ClipTokenizer.load(folder);
        assertThat(tokenizer.modelMaxLength()).isEqualTo(config.path("model_max_length").asInt());
        assertThat(tokenizer.vocabSize()).isEqualTo(vocabulary.size());
        int pad = vocabulary.path(config.path("pad_token").asText()).asInt();
        int[] ids = tokenizer.encode("");
        assertThat(ids[0]).isEqualTo(vocabulary.path("<|startoftext|>").asInt());
        assertThat(ids[1]).isEqualTo(vocabulary.path("<|endoftext|>").asInt());
        assertThat(ids).endsWith(pad);
        assertThat(tokenizer.padId()).isEqualTo(pad);
    }

    private Path withPadToken(String pad) throws IOException {
        Path original = reference.require("tokenizer_clip");
        try (Stream<Path> files = Files.list(original)) {
            for (Path file : files.toList()) {
                Files.copy(file, scratch.resolve(file.getFileName()));
            }
        }
        ObjectMapper json = new ObjectMapper();
        for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
            ObjectNode node = (ObjectNode) Reference.json(original.resolve(name));
            node.put("pad_token", pad);
            Path file = scratch.resolve(name);
            Files.delete(file);
            json.writeValue(file.toFile(), node);
        }
        return scratch;
    }

    private static DynamicTest test(JsonNode c, Executable check) {
        String text = c.path("text").asText();
        String shown = text.length() > 40 ? text.substring(0, 40) + "…" : text;
        return DynamicTest.dynamicTest("\"" + escape(shown) + "\"", check);
    }

    private static String escape(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : text.toCharArray()) {
            out.append(c < ' ' || c > '~' ? String.format("\\u%04x", (int) c) : c);
        }
        return out.toString();
    }

    private static int[] ids(JsonNode c, String key) {
        return StreamSupport.stream(c.path(key).spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
