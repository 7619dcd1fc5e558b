package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.diffusionsoup.core.checkpoint.ConfigDiff;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** UNets without a middle block, as BK-SDM-Tiny's: {@code "mid_block_type": null}. */
@ResourceLock("soup.cache")
class NoMiddleBlockTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path temp;
    private Path model;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void withoutOne() throws IOException {
        model = TinyModels.copy(TinyModels.sd15(), temp.resolve("model"));
        say(model, "null");
        rewrite(model, t -> !t.startsWith("mid_block."), t -> false);
    }

    /** Puts a middle block's type into a UNet's configuration. */
    private static void say(Path model, String type) throws IOException {
        Path config = model.resolve("unet/config.json");
        String text = Files.readString(config);
        assertThat(text).contains("\"UNetMidBlock2DCrossAttn\"");
        Files.writeString(config, text.replace("\"UNetMidBlock2DCrossAttn\"", type));
    }

    private static void rewrite(Path model, Predicate<String> kept, Predicate<String> zero) {
        Path weights = model.resolve(UNET);
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] values = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                if (zero.test(t.name())) {
                    Arrays.fill(values, 0);
                }
                if (kept.test(t.name())) {
                    entries.add(TensorEntry.ofFloats(t.name(), t.shape(), values));
                }
            }
        }
        SafetensorsWriter.write(weights, Map.of("format", "pt"), entries);
    }

    private byte[] picture(Object... model) throws IOException {
        Path out = Files.createTempDirectory(temp, "drawn").resolve("p.png");
        List<Object> words = new ArrayList<>(List.of("generate", "--model"));
        words.addAll(List.of(model));
        words.addAll(List.of("--prompt", "apple", "--seed", 3, "--steps", 2, "--size", 32));
        words.addAll(List.of("-o", out));
        Run.of(words.toArray()).ok();
        return PngCodec.decode(Files.readAllBytes(out), "p.png").pixels();
    }

    /** All three parts of a middle block add to their input; these add nothing. */
    @Test
    void itDrawsAsOneWhoseMiddleBlockAddsNothing() throws IOException {
        Path idle = TinyModels.copy(TinyModels.sd15(), temp.resolve("idle"));
        rewrite(idle, t -> true, t -> t.matches("mid_block\\..*(conv2|proj_out)\\.(weight|bias)"));
        byte[] drawn = picture(model);
        assertThat(drawn).isEqualTo(picture(idle));
        assertThat(drawn).isNotEqualTo(picture(TinyModels.sd15()));
        Run.of("verify", model).ok();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void itIsConvertedThereAndBack(boolean described) throws IOException {
        Path single = temp.resolve("single.safetensors");
        Run.of("convert", model, "-o", single).ok();
        if (!described) { // as another program would have written it
            List<TensorEntry> entries = new ArrayList<>();
            try (SafetensorsFile f = SafetensorsFile.open(single)) {
                for (TensorInfo t : f.tensors().values()) {
                    entries.add(
                            TensorEntry.ofFloats(
                                    t.name(),
                                    t.shape(),
                                    f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED)));
                }
            }
            SafetensorsWriter.write(single, Map.of(), entries);
        }
        Run.of("verify", single).ok();
        Path back = temp.resolve("back");
        Run.of("convert", single, "-o", back).ok();
        assertThat(WeightsHash.of(back)).isEqualTo(WeightsHash.of(model));
        assertThat(Files.readString(back.resolve("unet/config.json")).replaceAll("\\s", ""))
                .contains("\"mid_block_type\":null");
        if (described) {
            Run.of("verify", back).ok();
            assertThat(picture(single)).isEqualTo(picture(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "attention", "all"})
    void itIsTrained(String factors) throws IOException {
        Path shard = TinyTraining.shard(temp.resolve("s.tar"), 4, 16, "train");
        Path out = temp.resolve("out");
        List<Object> words = new ArrayList<>(List.of("train", "--base", model, "--shard", shard));
        words.addAll(List.of("--out", out, "--steps", 2, "--batch", 2));
        if (!factors.isEmpty()) {
            words.addAll(List.of("--lora", 2, "--lora-target", factors));
        }
        List<Object> look = new ArrayList<>(words);
        look.add("--dry-run");
        assertThat(Run.of(look.toArray()).ok().out()).contains("Memory: about");
        Run.of(words.toArray()).ok();
        assertThat(picture(out)).isNotEqualTo(picture(model));
        Run.of("merge", model, out, "-o", temp.resolve("soup")).ok();
        assertThat(temp.resolve("soup/unet/config.json"))
                .hasSameTextualContentAs(model.resolve("unet/config.json"));
    }

    @Test
    void aMiddleBlockThatIsThereAllTheSameIsSurplus() throws IOException {
        Path both = TinyModels.copy(TinyModels.sd15(), temp.resolve("both"));
        say(both, "null");
        Run verified = Run.of("verify", both);
        assertThat(verified.status()).isEqualTo(1);
        assertThat(verified.out()).contains("unexpected mid_block.");
        Run.of("generate", "--model", both, "--prompt", "x", "-o", temp.resolve("x.png"))
                .fails(
                        SoupCli.FAILED,
                        "unet does not fit its config.json",
                        "unexpected mid_block.");
        // and one that is said and not there is missing
        Path config = model.resolve("unet/config.json");
        Files.writeString(config, Files.readString(config).replaceAll(".*mid_block_type.*\n", ""));
        assertThat(Run.of("verify", model).out()).contains("missing mid_block.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"UNetMidBlock2D", "UNetMidBlock2DSimpleCrossAttn"})
    void otherMiddleBlocksAreNamed(String type) throws IOException {
        Path other = TinyModels.copy(TinyModels.sd15(), temp.resolve("other"));
        say(other, "\"" + type + "\"");
        Run.of("generate", "--model", other, "--prompt", "x", "-o", temp.resolve("x.png"))
                .fails(SoupCli.FAILED, "unet/config.json: mid_block_type = \"" + type + "\"");
    }

    /** A LoRA of a whole model updates what this one lacks. */
    @Test
    void aLoraOfAWholeModelIsRefused() {
        Run.of(
                        "lora",
                        "fuse",
                        "--model",
                        model,
                        "--lora",
                        TinyModels.lora("diffusers"),
                        "-o",
                        temp.resolve("f"))
                .fails(SoupCli.FAILED, "unet.mid_block.", "which the model does not have");
    }

    /** A configuration that leaves the field out means the default, and null means none. */
    @Test
    void configurationsTellThemApart() throws IOException {
        byte[] whole = Files.readAllBytes(TinyModels.sd15().resolve("unet/config.json"));
        byte[] without = Files.readAllBytes(model.resolve("unet/config.json"));
        assertThat(ConfigDiff.between("unet/config.json", whole, without, List.of()))
                .hasValue(
                        new ConfigDiff.Difference(
                                "mid_block_type \"UNetMidBlock2DCrossAttn\"",
                                "mid_block_type absent"));
    }

    /** The first's configuration is copied, so its tensors and no others are to be there. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSoupHasTheTensorsThatItsConfigurationAsksFor(boolean folders) {
        Path without = model;
        Path with = TinyModels.sd15();
        Path out = temp.resolve("soup");
        if (!folders) {
            without = temp.resolve("without.safetensors");
            with = temp.resolve("with.safetensors");
            Run.of("convert", model, "-o", without).ok();
            Run.of("convert", TinyModels.sd15(), "-o", with).ok();
            out = temp.resolve("soup.safetensors");
        }
        Object[][] unfit = {
            {with, without, "--on-missing", "drop", "missing", "--on-missing average-present"},
            {without, with, "--on-extra", "keep", "unexpected", "--on-extra drop"},
        };
        for (Object[] u : unfit) {
            Run refused = Run.of("merge", u[0], u[1], "-o", out, u[2], u[3], "-q");
            refused.refuses("mid_block_type", String.valueOf(u[5]), "--on-files from-first");
            Run.of("merge", u[0], u[1], "-o", out, u[2], u[3], "--on-files", "from-first", "-q")
                    .fails(
                            1,
                            out + " was not made",
                            "the configurations of " + u[0],
                            u[4] + " mid_block.",
                            String.valueOf(u[5]));
            assertThat(out).doesNotExist();
            String[] advised = String.valueOf(u[5]).split(" ");
            Object[] words = {
                "merge", u[0], u[1], "-o", out, advised[0], advised[1], "--on-files", "from-first"
            };
            Run.of(words).ok();
            Run.of("verify", out).ok();
            out = out.resolveSibling("2-" + out.getFileName());
        }
    }

    @Test
    void neitherDoesACookedOneHaveOthers() throws IOException {
        Path recipe = temp.resolve("r.yaml");
        Files.writeString(
                recipe,
                """
                inputs:
                  with: %s
                  without: %s
                merge:
                  slerp: {from: with, to: without, t: 0.5}
                """
                        .formatted(TinyModels.sd15(), model));
        Path out = temp.resolve("cooked");
        Run.of("cook", recipe, "-o", out, "--on-missing", "drop", "--on-files", "from-first", "-q")
                .fails(1, out + " was not made", "missing mid_block.");
        assertThat(out).doesNotExist();
    }
}
