package org.diffusionsoup.core.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.diffusionsoup.core.lora.LoraFiles.random;
import static org.diffusionsoup.core.lora.LoraFiles.scalar;
import static org.diffusionsoup.core.lora.LoraFiles.write;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What cannot be read is refused in one sentence that names file and tensor. */
class LoraRefusalsTest {
    private static final String MODULE = "lora_unet_mid_block_attentions_0_proj_in";

    @TempDir private Path dir;

    private final Random random = new Random(1);

    private void refused(Path file, String... words) {
        assertThatThrownBy(() -> Lora.open(file).close())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(String.valueOf(file.getFileName()))
                .hasMessageContainingAll(words)
                .message()
                .endsWith(".");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lora_unet_mid_block_attentions_0_proj_sideways.lora_up.weight",
                "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_ff_net_7.lora_up.weight",
                "lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_up.weight",
                "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight",
                "transformer.transformer_blocks.0.attn.to_q.lora_B.weight",
                "unet.mid_block.attentions.0.lora_B.weight",
                "text_encoder.text_model.encoder.layers.0.self_attn.to_x_lora.up.weight",
                "lora_unet_mid_block_attentions_0_proj_in.oft_blocks",
                "unet.mid_block.attentions.0.proj_in.lora_embedding_A",
                "unet.mid_block.attentions.0.proj_in.lora_B.bias",
                "lora_unet_mid_block_attentions_0_proj_in.scalar",
                "emb_params"
            })
    void aTensorThatIsNotUnderstood(String name) {
        List<TensorEntry> all =
                new ArrayList<>(LoraFiles.kohya(random, MODULE.replace("in", "out"), 2, 1, 4, 4));
        all.add(random(random, name, 4, 2));
        refused(write(dir.resolve("a.safetensors"), all.toArray(TensorEntry[]::new)), name);
    }

    @Test
    void biasesOfFactors() {
        String module = "unet.mid_block.attentions.0.proj_in.lora_";
        Path file =
                write(
                        dir.resolve("biases.safetensors"),
                        random(random, module + "A.weight", 2, 4),
                        random(random, module + "B.bias", 4),
                        random(random, module + "B.weight", 4, 2));
        refused(file, module + "B.bias", "with lora_bias", "of a kind that is not read");
    }

    @Test
    void halfAnUpdate() {
        Path file =
                write(
                        dir.resolve("half.safetensors"),
                        random(random, MODULE + ".lora_up.weight", 4, 2),
                        scalar(MODULE + ".alpha", 1));
        refused(file, MODULE + ".lora_up.weight", "no whole update");
    }

    @Test
    void factorsThatDoNotFit() {
        refused(
                write(
                        dir.resolve("rank.safetensors"),
                        random(random, MODULE + ".lora_up.weight", 4, 2),
                        random(random, MODULE + ".lora_down.weight", 3, 4)),
                MODULE + ".lora_up.weight",
                "does not fit");
        refused(
                write(
                        dir.resolve("hada.safetensors"),
                        random(random, MODULE + ".hada_w1_a", 4, 2),
                        random(random, MODULE + ".hada_w1_b", 2, 5),
                        random(random, MODULE + ".hada_w2_a", 4, 2),
                        random(random, MODULE + ".hada_w2_b", 2, 6)),
                MODULE + ".hada_w2_a");
        refused(
                write(
                        dir.resolve("alpha.safetensors"),
                        random(random, MODULE + ".lora_up.weight", 4, 2),
                        random(random, MODULE + ".lora_down.weight", 2, 4),
                        scalar(MODULE + ".alpha", Float.NaN)),
                MODULE + ".alpha");
    }

    /** A small file whose product would take 8 TB. */
    @Test
    void productsBeyondAllMemory() {
        refused(
                write(
                        dir.resolve("bomb.safetensors"),
                        random(random, MODULE + ".lora_up.weight", 1_000_000, 1),
                        random(random, MODULE + ".lora_down.weight", 1, 1_000_000)),
                MODULE,
                "larger than any weight");
        refused(
                write(
                        dir.resolve("kron.safetensors"),
                        random(random, MODULE + ".lokr_w1", 1000, 1000),
                        random(random, MODULE + ".lokr_w2", 1000, 1000)),
                MODULE,
                "larger than any weight");
    }

    @Test
    void oneTensorUpdatedTwice() {
        refused(
                write(
                        dir.resolve("twice.safetensors"),
                        random(random, MODULE + ".lora_up.weight", 4, 2),
                        random(random, MODULE + ".lora_down.weight", 2, 4),
                        random(random, "unet.mid_block.attentions.0.proj_in.lora_B.weight", 4, 2),
                        random(random, "unet.mid_block.attentions.0.proj_in.lora_A.weight", 2, 4)),
                "twice",
                MODULE);
    }

    @Test
    void whatIsNoLora() {
        refused(
                write(dir.resolve("model.safetensors"), random(random, "conv_in.weight", 4, 2)),
                "conv_in.weight");
        refused(write(dir.resolve("alphas.safetensors"), scalar(MODULE + ".alpha", 1)), "no LoRA");
    }

    @Test
    void aLoraForAnotherModel() {
        Path file =
                write(
                        dir.resolve("l.safetensors"),
                        LoraFiles.kohya(random, MODULE, 2, 1, 4, 4).toArray(TensorEntry[]::new));
        Path model =
                write(
                        dir.resolve("unet.safetensors"),
                        random(random, "mid_block.attentions.0.proj_in.weight", 4, 6));
        Path other = write(dir.resolve("o.safetensors"), random(random, "conv_in.weight", 4, 6));
        try (Lora lora = Lora.open(file);
                SafetensorsFile unet = SafetensorsFile.open(model);
                SafetensorsFile without = SafetensorsFile.open(other)) {
            List<LoraFusion.Term> terms = List.of(new LoraFusion.Term(lora, 1));
            assertThatThrownBy(() -> LoraFusion.of(Map.of("unet", unet), terms))
                    .hasMessageContainingAll("l.safetensors", "proj_in", "[4, 4]", "[4, 6]");
            assertThatThrownBy(() -> LoraFusion.of(Map.of("unet", without), terms))
                    .hasMessageContainingAll("l.safetensors", MODULE, "does not have");
            assertThatThrownBy(() -> LoraFusion.of(Map.of("vae", unet), terms))
                    .hasMessageContainingAll("l.safetensors", "no component 'unet'");
            assertThatThrownBy(() -> new LoraFusion.Term(lora, Double.NaN))
                    .hasMessageContaining("finite");
        }
    }

    @Test
    void strengthsThatAreNotKnown() throws IOException {
        TensorEntry up =
                random(
                        random,
                        "base_model.model.mid_block.attentions.0.proj_in.lora_B.weight",
                        4,
                        2);
        TensorEntry down =
                random(
                        random,
                        "base_model.model.mid_block.attentions.0.proj_in.lora_A.weight",
                        2,
                        4);
        Path file = write(dir.resolve("adapter_model.safetensors"), up, down);
        refused(file, "adapter_config.json");
        Path config = dir.resolve("adapter_config.json");
        Files.writeString(config, "{\"r\": 2, \"lora_alpha\": 6}");
        assertThat(factor(file)).isEqualTo(3);
        Files.writeString(config, "{\"r\": 2, \"lora_alpha\": 6, \"use_rslora\": true}");
        assertThat(factor(file)).isEqualTo(6 / Math.sqrt(2));
        Files.writeString(
                config, "{\"lora_alpha\": 6, \"alpha_pattern\": {\"0.proj_in\": 1, \"x\": 2}}");
        assertThat(factor(file)).isEqualTo(0.5);
        Files.writeString(config, "{\"lora_alpha\": 6, \"alpha_pattern\": {\".*proj_in\": 1}}");
        assertThatThrownBy(() -> Lora.open(file).close())
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll("adapter_config.json", ".*proj_in");
        Files.writeString(config, "{\"r\": 2}");
        assertThatThrownBy(() -> Lora.open(file).close())
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll("adapter_config.json", "lora_alpha");
    }

    /** What peft could not load, as its modules are built by the configuration. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'r': 99 | says rank 99 | holds factors of rank 2 for",
                "'r': 2, 'rank_pattern': {'0.proj_in': 4} | says rank 4 | holds factors of rank 2",
                "'r': 2, 'use_dora': true | says use_dora true | holds no magnitudes for",
                "'r': 2, 'peft_type': 'LOHA' | says peft_type LOHA | holds factors of LoRA for",
            })
    void aConfigurationThatContradictsItsFile(String said, String first, String second)
            throws IOException {
        String module = "base_model.model.mid_block.attentions.0.proj_in.";
        Path file =
                write(
                        dir.resolve("adapter_model.safetensors"),
                        random(random, module + "lora_B.weight", 4, 2),
                        random(random, module + "lora_A.weight", 2, 4));
        Path config = dir.resolve("adapter_config.json");
        Files.writeString(config, ("{'lora_alpha': 6, " + said + "}").replace("'", "\""));
        refused(file, config.toString(), first, second, "mid_block.attentions.0.proj_in");
        Files.writeString(
                config,
                """
                {"lora_alpha": 6, "r": 8, "rank_pattern": {"attentions.0.proj_in": 2},
                 "use_dora": false, "peft_type": "LORA"}\
                """);
        assertThat(factor(file)).isEqualTo(3);
        Files.writeString(config, "{\"lora_alpha\": 6, \"r\": 8, \"rank_pattern\": {\".*in\": 2}}");
        assertThat(factor(file)).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource({"I64, 3, 8", "I32, -2, 4", "I16, 300, 2", "U8, 200, 1", "U64, 16, 8", "I8, 1, 1"})
    void anAlphaThatIsAWholeNumber(DType dtype, long alpha, int size) {
        Path file = withAlpha(dtype, alpha, size);
        try (Lora lora = Lora.open(file)) {
            LoraLayer layer = lora.layers().getFirst();
            assertThat(layer.alpha()).hasValue(alpha);
            assertThat(layer.factor()).isEqualTo(alpha / 2.0);
        }
    }

    @Test
    void anAlphaThatIsNoNumber() {
        refused(withAlpha(DType.BOOL, 1, 1), MODULE + ".alpha", "BOOL", "floating-point");
        refused(withAlpha(DType.I64, Long.MAX_VALUE, 8), "9223372036854775807", "float64");
        refused(withAlpha(DType.U64, -1, 8), "18446744073709551615", "float64");
    }

    private Path withAlpha(DType dtype, long alpha, int size) {
        ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, alpha);
        return write(
                dir.resolve("whole.safetensors"),
                random(random, MODULE + ".lora_up.weight", 4, 2),
                random(random, MODULE + ".lora_down.weight", 2, 4),
                new TensorEntry(
                        MODULE + ".alpha",
                        dtype,
                        new long[0],
                        channel -> channel.write(bytes.duplicate().limit(size))));
    }

    @Test
    void anUpdateOfRankZero() {
        refused(
                write(
                        dir.resolve("zero.safetensors"),
                        TensorEntry.ofFloats(MODULE + ".lora_up.weight", new long[] {4, 0}),
                        TensorEntry.ofFloats(MODULE + ".lora_down.weight", new long[] {0, 4})),
                "which is empty, in its update '" + MODULE + "'",
                "rank 0",
                "at least 1");
    }

    private static double factor(Path file) {
        try (Lora lora = Lora.open(file)) {
            return lora.layers().getFirst().factor();
        }
    }
}
