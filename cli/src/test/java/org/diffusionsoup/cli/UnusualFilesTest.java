package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.workbench.generate.Prompts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are well made and yet no model that can be averaged, or only half of one. */
class UnusualFilesTest {
    @TempDir private Path temp;

    private Path file(String name, String header, float... values) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            data.putFloat(v);
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(
                ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
        all.writeBytes(json);
        all.writeBytes(data.array());
        return Files.write(temp.resolve(name), all.toByteArray());
    }

    @Test
    void aFileWithoutTensorsIsNeitherAveragedNorSound() throws IOException {
        Path empty = file("empty.safetensors", "{}");
        Path out = temp.resolve("o.safetensors");
        Run.of("merge", empty, empty, "-o", out)
                .fails(1, "empty.safetensors holds no tensors, so there is nothing to average.");
        assertThat(out).doesNotExist();
        Run verified = Run.of("verify", empty);
        assertThat(verified.status()).isEqualTo(1);
        assertThat(verified.out()).contains("no tensors");
        assertThat(verified.err()).contains("1 finding in");
    }

    /** As the text encoder of Stable Diffusion 2.x has it; NaN and +inf are damage there, too. */
    @Test
    void aMaskThatHidesIsSound() throws IOException {
        float hidden = Float.NEGATIVE_INFINITY;
        String header =
                "{\"cond_stage_model.model.attn_mask\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
        Run.of("verify", file("sound.safetensors", header, 0, hidden, 0, 0)).ok();
        Run bad =
                Run.of(
                        "verify",
                        file(
                                "bad.safetensors",
                                header,
                                Float.NaN,
                                hidden,
                                Float.POSITIVE_INFINITY,
                                0));
        assertThat(bad.status()).isEqualTo(1);
        assertThat(bad.out() + bad.err()).contains("1 NaN and 1 infinite of 4 values");
    }

    @ParameterizedTest
    @CsvSource({"F4, 1", "F8_E8M0, 1", "F6_E2M3, 1", "C64, 2"})
    void aDTypeThatIsNotReadIsNamedAndNotCalledDamage(String dtype, int words) throws IOException {
        Path model =
                file(
                        "m.safetensors",
                        "{\"a\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,%d]}}"
                                .formatted(dtype, 4 * words),
                        new float[words]);
        for (String command : new String[] {"inspect", "verify"}) {
            Run run = Run.of(command, model);
            assertThat(run.status()).isEqualTo(1);
            assertThat(run.out() + run.err())
                    .contains("tensor 'a' has the dtype " + dtype + ", which is not read", "BF16")
                    .doesNotContain("Malformed");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"m.safetensors", "m.ckpt", "m.pt"})
    void aTextIsCalledOne(String name) throws IOException {
        Path text = Files.writeString(temp.resolve(name), "a letter, and not the model it praises");
        Run.of("inspect", text).fails(1, name + " is a text, not a checkpoint");
    }

    @Test
    void whereNaNStandsIsSaidByDiff() throws IOException {
        String header =
                """
                {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}\
                """;
        Path x = file("x.safetensors", header, Float.NaN, 1, 2);
        Path y = file("y.safetensors", header, Float.NaN, 1, 2);
        assertThat(Run.of("diff", x, y).ok().out())
                .contains("2 tensors: 2 equal", "1 pair with NaN or infinity left out")
                .contains("in 1 tensor, the first a");
    }

    @Test
    void namesOfAnyLengthAreCutInMessages() throws IOException {
        String name = "x".repeat(5_000);
        String header = "{\"%s\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]}}";
        Path a = file("a.safetensors", header.formatted(name, 1, 4), 1);
        Path b = file("b.safetensors", header.formatted(name, 2, 8), 1, 2);
        Run run = Run.of("merge", a, b, "-o", temp.resolve("o.safetensors"));
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err())
                .contains("x… (4800 more characters) is F32[2] instead of F32[1]")
                .hasSizeLessThan(1_000);
    }

    private static final String ONE =
            "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";

    @Test
    void oneFileOfSeveralIsNotTakenForTheModel() throws IOException {
        Path part = file("model-00001-of-00002.safetensors", ONE, 1);
        Path out = temp.resolve("o.safetensors");
        Run.of("merge", part, part, "-o", out)
                .fails(1, "is file 1 of 2 of a model", "model.safetensors.index.json");
        Path recipe =
                Files.writeString(
                        temp.resolve("r.yaml"), "inputs: {a: " + part + "}\nmerge: {mean: [a]}\n");
        Run.of("cook", recipe, "-o", out).fails(1, "is file 1 of 2 of a model");
        assertThat(out).doesNotExist();
        Path whole = file("model-00001-of-00001.safetensors", ONE, 1);
        Run.of("merge", whole, whole, "-o", out).ok();
    }

    /** As {@code /dev/stdout} is one: a rename would put a file where the link was. */
    @Test
    void anOutputThatIsALinkIsNotReplaced() throws IOException {
        Path model = file("a.safetensors", ONE, 1);
        Path other = file("b.safetensors", ONE, 2);
        Path link = Files.createSymbolicLink(temp.resolve("link.safetensors"), other);
        Run.of("merge", model, model, "-o", link, "--force")
                .fails(1, "link.safetensors is a link", "name the place itself, " + other);
        assertThat(link).isSymbolicLink();
    }

    @Test
    void halfASurrogatePairNamesNoTensor() throws IOException {
        Path half = file("a.safetensors", ONE.replace("\"w\"", "\"w\\ud800\""), 1);
        Run.of("inspect", half).fails(1, "half a surrogate pair", "\\ud800");
        Path pair = file("b.safetensors", ONE.replace("\"w\"", "\"w\\ud83c\\udf72\""), 1);
        assertThat(Run.of("inspect", pair, "--json").ok().out()).contains("1");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -5, 257, 100_000})
    void threadsHaveARange(int threads) throws IOException {
        Path model = file("a.safetensors", ONE, 1);
        Run.of("merge", model, model, "-o", temp.resolve("o.safetensors"), "--threads", threads)
                .fails(2, "--threads must be at least 1 and at most 256, not " + threads);
    }

    @Test
    void aByteOrderMarkIsNoPartOfAPrompt() throws IOException {
        Path prompts =
                Files.writeString(temp.resolve("p.txt"), "\ufeff# two\n\ufeffa cat\na dog\n");
        assertThat(Prompts.read(prompts)).containsExactly("a cat", "a dog");
    }

    @Test
    void tarsPutOneAfterTheOtherAreNotReadInHalf() throws IOException {
        byte[] tar = Files.readAllBytes(TinyTraining.shard(temp.resolve("a.tar"), 3, 16, "train"));
        ByteArrayOutputStream two = new ByteArrayOutputStream();
        two.writeBytes(tar);
        two.writeBytes(tar);
        Path both = Files.write(temp.resolve("both.tar"), two.toByteArray());
        Run.of("data", "inspect", both).fails(1, "both.tar goes on at byte " + tar.length);
    }
}
