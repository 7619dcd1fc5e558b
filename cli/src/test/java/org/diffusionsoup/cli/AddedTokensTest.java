package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A textual inversion that was saved with its model: a row more in the text encoder's table, and a
 * token for it, in whichever of the places where versions of transformers wrote it.
 */
@ResourceLock("soup.cache")
class AddedTokensTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String TABLE = "text_model.embeddings.token_embedding.weight";
    private static final String CAPTION = "an apple, coloured";

    @TempDir private Path temp;
    private Path model;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void oneRowMore() throws IOException {
        model = temp.resolve("model");
        TinyModels.copy(TinyModels.sd15(), model);
        Path weights = model.resolve("text_encoder/model.safetensors");
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] values = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                long[] shape = t.shape();
                if (t.name().equals(TABLE)) {
                    shape[0]++;
                    int before = values.length;
                    values = Arrays.copyOf(values, before + Math.toIntExact(shape[1]));
                    Arrays.fill(values, before, values.length, 3);
                }
                entries.add(TensorEntry.ofFloats(t.name(), shape, values));
            }
        }
        SafetensorsWriter.write(weights, Map.of("format", "pt"), entries);
        change("text_encoder/config.json", o -> o.put("vocab_size", 2001));
    }

    private interface Change {
        void in(ObjectNode o);
    }

    private void change(String file, Change change) throws IOException {
        Path path = model.resolve(file);
        ObjectNode o =
                Files.exists(path)
                        ? (ObjectNode) MAPPER.readTree(path.toFile())
                        : MAPPER.createObjectNode();
        change.in(o);
        MAPPER.writeValue(path.toFile(), o);
    }

    private void add(String place, int id) throws IOException {
        switch (place) {
            case "added_tokens.json" ->
                    change("tokenizer/added_tokens.json", o -> o.put("coloured", id));
            case "tokenizer.json", "long tokenizer.json" ->
                    change(
                            "tokenizer/tokenizer.json",
                            o -> {
                                if (place.startsWith("long")) { // as CLIP's own is
                                    o.put("model", "x".repeat(3 << 20));
                                }
                                o.putArray("added_tokens")
                                        .addObject()
                                        .put("id", id)
                                        .put("content", "coloured");
                            });
            default ->
                    change(
                            "tokenizer/tokenizer_config.json",
                            o ->
                                    o.putObject("added_tokens_decoder")
                                            .putObject(String.valueOf(id))
                                            .put("content", "coloured"));
        }
    }

    private byte[] picture(Path of) throws IOException {
        Path out = Files.createTempDirectory(temp, "drawn").resolve("p.png");
        Run.of(
                        "generate",
                        "--model",
                        of,
                        "--prompt",
                        CAPTION,
                        "--seed",
                        3,
                        "--steps",
                        2,
                        "--size",
                        32,
                        "-o",
                        out)
                .ok();
        return PngCodec.decode(Files.readAllBytes(out), "p.png").pixels();
    }

    @ParameterizedTest
    @ValueSource(strings = {"added_tokens.json", "tokenizer.json", "long tokenizer.json"})
    void whereverATokenStandsItIsTheSame(String place) throws IOException {
        byte[] asText = picture(model);
        add(place, 2000);
        byte[] asToken = picture(model);
        assertThat(asToken).isNotEqualTo(asText);

        Path single = temp.resolve("single.safetensors");
        Path back = temp.resolve("back");
        Run.of("convert", model, "-o", single).ok();
        Run.of("convert", single, "-o", back).ok();
        assertThat(picture(back)).isEqualTo(asToken);
        assertThat(picture(single)).isEqualTo(asToken);

        add("added_tokens_decoder", 2000);
        assertThat(picture(model)).isEqualTo(asToken);
    }

    /** The weights of an ingredient are those that learnt from the token, not from its letters. */
    @Test
    void captionsAreReadSo() throws IOException {
        Path shard = TinyTraining.shard(temp.resolve("s.tar"), 4, 16, "train");
        List<Object> losses = new ArrayList<>();
        for (String place : new String[] {"", "added_tokens.json", "added_tokens_decoder"}) {
            if (!place.isEmpty()) {
                add(place, 2000);
            }
            Path out = temp.resolve("out" + losses.size());
            Run.of(
                            "train", "--base", model, "--shard", shard, "--out", out, "--steps", 2,
                            "--batch", 2, "-q")
                    .ok();
            losses.add(Files.readString(out.resolve("loss.csv")));
        }
        assertThat(losses.get(1)).isNotEqualTo(losses.get(0)).isEqualTo(losses.get(2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"added_tokens.json", "tokenizer.json", "added_tokens_decoder"})
    void aTokenWithoutAnEmbeddingIsNamed(String place) throws IOException {
        add(place, 2001);
        String[] told = {"the added token \"coloured\" has the id 2001", "the ids 0 to 2000"};
        Run.of("generate", "--model", model, "--prompt", CAPTION, "-o", temp.resolve("p.png"))
                .fails(SoupCli.FAILED, told);
        Run verified = Run.of("verify", model);
        assertThat(verified.status()).isEqualTo(1);
        assertThat(verified.out()).contains(told);
    }

    /** A checkpoint learnt from other tokens than the base has by now. */
    @ParameterizedTest
    @ValueSource(strings = {"added_tokens.json", "tokenizer.json"})
    void theConfigurationOfATrainingHasThem(String place) throws IOException {
        BaseConfiguration before = BaseConfiguration.ofModel(model);
        change("tokenizer/tokenizer.json", o -> o.putArray("added_tokens"));
        assertThat(BaseConfiguration.ofModel(model).difference(before)).isEmpty();
        add(place, 2000);
        assertThat(BaseConfiguration.ofModel(model).difference(before))
                .hasValue("tokenizer/" + place + " is only here");
    }

    /** What SD 2.x has: only the map says that short prompts are filled up with "!". */
    @ParameterizedTest
    @ValueSource(strings = {"special_tokens_map.json", "tokenizer_config.json"})
    void oneFileThatNamesThePaddingSurvivesConversion(String file) throws IOException {
        Path tokenizer = model.resolve("tokenizer");
        byte[] padded = picture(model);
        Files.delete(tokenizer.resolve("special_tokens_map.json"));
        Files.delete(tokenizer.resolve("tokenizer_config.json"));
        change("tokenizer/" + file, o -> o.put("pad_token", "!"));
        byte[] withBang = picture(model);
        assertThat(withBang).isNotEqualTo(padded);
        Path single = temp.resolve("single.safetensors");
        Run.of("convert", model, "-o", single).ok();
        Run.of("convert", single, "-o", temp.resolve("back")).ok();
        assertThat(picture(temp.resolve("back"))).isEqualTo(withBang);
    }
}
