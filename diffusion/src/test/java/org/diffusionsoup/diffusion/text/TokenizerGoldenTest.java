package org.diffusionsoup.diffusion.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.diffusionsoup.diffusion.golden.Reference;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Token ids against those of transformers' and OpenAI's tokenizers. */
class TokenizerGoldenTest {
    private static final String FULL_VOCABULARY = "tokenizer_clip";

    @TempDir Path scratch;

    /** A test of every case of the manifest that has what the check needs. */
    private static Stream<DynamicTest> each(
            String needed,
            Supplier<ClipTokenizer> tokenizer,
            BiConsumer<ClipTokenizer, JsonNode> check) {
        String manifest = "goldens/tokenizer.json";
        return Reference.tests(
                manifest,
                () -> {
                    JsonNode golden = Reference.json(Reference.open().require(manifest));
                    ClipTokenizer loaded = tokenizer.get();
                    return StreamSupport.stream(golden.path("cases").spliterator(), false)
                            .filter(c -> c.has(needed))
                            .map(c -> test(c, () -> check.accept(loaded, c)))
                            .toList();
                });
    }

    private static Path fullVocabulary() {
        return Reference.open().require(FULL_VOCABULARY);
    }

    @TestFactory
    Stream<DynamicTest> huggingFaceIds() {
        return each(
                "input_ids",
                () -> ClipTokenizer.load(fullVocabulary()),
                (tokenizer, c) -> {
                    String text = c.path("text").asText();
                    assertThat(tokenizer.encode(text)).containsExactly(ids(c, "input_ids"));
                    assertThat(tokenizer.encodeUnpadded(text))
                            .hasSize(c.path("n_untruncated").asInt());
                });
    }

    @TestFactory
    Stream<DynamicTest> huggingFaceIdsPaddedWithExclamationMark() {
        return each(
                "input_ids_pad_bang",
                () -> ClipTokenizer.load(withPadToken("!")),
                (tokenizer, c) ->
                        assertThat(tokenizer.encode(c.path("text").asText()))
                                .containsExactly(ids(c, "input_ids_pad_bang")));
    }

    @TestFactory
    Stream<DynamicTest> openAiIds() {
        return each(
                "openai_same",
                () -> ClipTokenizer.load(fullVocabulary(), ClipTokenizer.Convention.OPENAI),
                TokenizerGoldenTest::checkOpenAi);
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
    Stream<DynamicTest> everyTokenizerFolderPadsAsConfigured() {
        return Reference.tests("pipelines/*/tokenizer", TokenizerGoldenTest::folders);
    }

    private static List<DynamicTest> folders() {
        Path root = Reference.open().require("pipelines");
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(f -> f.endsWith("tokenizer_config.json"))
                    .map(Path::getParent)
                    .sorted()
                    .map(folder ->
                            DynamicTest.dynamicTest(
                                    root.relativize(folder).toString(), () -> checkFolder(folder)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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

    private Path withPadToken(String pad) {
        Path original = fullVocabulary();
        try (Stream<Path> files = Files.list(original)) {
            for (Path file : files.toList()) {
                Files.copy(file, scratch.resolve(file.getFileName()));
            }
            for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
                ObjectNode node = (ObjectNode) Reference.json(original.resolve(name));
                node.put("pad_token", pad);
                Path file = scratch.resolve(name);
                Files.delete(file);
                new ObjectMapper().writeValue(file.toFile(), node);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
