package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Models that lack a weight, or have one of another shape, are named as such by whoever looks at
 * them, and run by nobody; so are bases with NaN where no training would meet it.
 */
class MissingWeightsTest {
    private static final String FIRST = "input_blocks.1.0.in_layers.0.weight";

    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // tiny tensors: a second thread only waits
    }

    private interface Change {
        /** What becomes of a tensor's numbers; null to leave it out. */
        float[] of(String name, float[] values);
    }

    private static void renamed(Path file, UnaryOperator<String> names) {
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] values = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                entries.add(TensorEntry.ofFloats(names.apply(t.name()), t.shape(), values));
            }
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
    }

    /**
     * @param more names of tensors to add
     */
    private static void rewrite(Path from, Path to, Change change, String... more) {
        List<TensorEntry> entries = new ArrayList<>();
        Map<String, String> metadata;
        try (SafetensorsFile f = SafetensorsFile.open(from)) {
            metadata = f.metadata();
            for (TensorInfo t : f.tensors().values()) {
                float[] old = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                float[] values = change.of(t.name(), old);
                if (values != null) {
                    long[] shape =
                            values.length == old.length ? t.shape() : new long[] {values.length};
                    entries.add(TensorEntry.ofFloats(t.name(), shape, values));
                }
            }
        }
        for (String name : more) {
            entries.add(TensorEntry.ofFloats(name, new long[] {2}, 1, 2));
        }
        SafetensorsWriter.write(to, metadata, entries);
    }

    private Path single() {
        Path file = folder.resolve("whole.safetensors");
        Run.of("convert", TinyModels.sd15(), "-o", file, "-q").ok();
        return file;
    }

    private Run train(Path base, Object... more) {
        Path shard = TinyTraining.shard(folder.resolve("rows.tar"), 4, 64, "train");
        List<Object> words = new ArrayList<>(List.of("train", "--base", base, "--shard", shard));
        words.addAll(List.of("--out", folder.resolve("out"), "--steps", 1, "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @ParameterizedTest
    @CsvSource({
        "model.diffusion_model.out.2.bias, 0, missing conv_out.bias",
        "model.diffusion_model.out.2.bias, 5, 'conv_out.bias has shape [5], the config asks for [4]'",
        // The one by which residual layers are counted.
        "model.diffusion_model." + FIRST + ", 0, missing down_blocks.0.resnets.0.norm1.weight",
        "first_stage_model.decoder.up.0.block.0.norm1.weight, 0, missing decoder.up_blocks",
        "cond_stage_model.transformer.text_model.final_layer_norm.bias, 0, missing text_model.final"
    })
    void whatIsMissingIsNamed(String tensor, int size, String said) {
        Path broken = folder.resolve("broken.safetensors");
        rewrite(
                single(),
                broken,
                (name, v) -> !name.equals(tensor) ? v : size == 0 ? null : new float[size]);
        Run looked = Run.of("verify", broken, "-q");
        assertThat(looked.status()).isEqualTo(1);
        assertThat(looked.out())
                .contains("does not fit what its header or its own tensors say: " + said);

        Path made = folder.resolve("made");
        assertThat(Run.of("convert", broken, "-o", made, "-q").ok().out())
                .contains("does not fit its config.json: " + said);
        assertThat(Run.of("verify", made, "-q").out()).contains(said);
        train(made, "--dry-run").fails(1, said);
        train(made).fails(1, said);
        Path picture = folder.resolve("p.png");
        Run.of(
                        "generate",
                        "--model",
                        TinyModels.sd15(),
                        "--model",
                        made,
                        "--prompt",
                        "cat",
                        "-o",
                        picture)
                .fails(1, said);
        assertThat(folder.resolve("out")).doesNotExist();
        assertThat(picture).doesNotExist();
    }

    @Test
    void wholeModelsAreSound() {
        Run.of("verify", single(), "-q").ok();
        for (Path model : List.of(TinyModels.sd15(), TinyModels.sd21(), TinyModels.sdxl())) {
            Run.of("verify", model, "-q").ok();
        }
    }

    @Test
    void whatNoModelHasIsFoundInASingleFileToo() {
        Path whole = single();
        Path more = folder.resolve("more.safetensors");
        rewrite(whole, more, (name, v) -> v, "first_stage_model.decoder.mid.block_7.conv1.weight");
        Run looked = Run.of("verify", more, "-q");
        assertThat(looked.status()).isEqualTo(1);
        assertThat(looked.out()).contains("block_7.conv1.weight", "would be another model");
        Run.of("convert", more, "-o", folder.resolve("no"), "-q").fails(1, "block_7");
    }

    /** Today's names are no condition: what is read of old ones is the same model. */
    @Test
    void oldNamesFit() throws Exception {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve("old"));
        Path text = model.resolve("text_encoder/model.safetensors");
        renamed(text, n -> n.replace("text_model.", ""));
        Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
        renamed(unet, n -> "_orig_mod." + n);
        Run.of("verify", model, "-q").ok();
        Path single = folder.resolve("old.safetensors");
        assertThat(Run.of("convert", model, "-o", single, "-q").ok().out())
                .doesNotContain("does not fit");
        List<byte[]> pictures = new ArrayList<>();
        for (Path m : List.of(model, TinyModels.sd15(), single)) {
            Path png = folder.resolve(pictures.size() + ".png");
            Run.of("generate", "--model", m, "--prompt", "a", "--steps", 1, "-o", png, "-q").ok();
            pictures.add(PngCodec.decode(Files.readAllBytes(png), "a").pixels());
        }
        assertThat(pictures.get(0)).isEqualTo(pictures.get(1)).isEqualTo(pictures.get(2));
        train(model, "--dry-run").ok();
        train(model).ok();
    }

    @Test
    void whatCannotBeRunIsRefusedByItsDryRun() throws Exception {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve("heads"));
        Path config = model.resolve("text_encoder/config.json");
        String text = Files.readString(config);
        Files.writeString(
                config,
                text.replaceAll("\"num_attention_heads\": \\d+", "\"num_attention_heads\": 7"));
        train(model, "--dry-run").fails(1, "text_encoder/config.json", "num_attention_heads 7");
        train(model).fails(1, "num_attention_heads 7");
    }

    @Test
    void whatIsNotLookedAtIsSaidAndVariantsAreLookedAtWhenAsked() throws Exception {
        Path model = TinyModels.copy(TinyModels.sd15(), folder.resolve("variants"));
        Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
        Path half = model.resolve("unet/diffusion_pytorch_model.fp16.safetensors");
        rewrite(unet, half, (name, v) -> name.equals("conv_in.bias") ? null : v);
        Run plain = Run.of("verify", model).ok();
        assertThat(plain.out()).contains("sound").doesNotContain("fp16");
        assertThat(plain.err())
                .contains("Not looked at: unet/diffusion_pytorch_model.fp16.safetensors.");
        Run asked = Run.of("verify", model, "--variant", "fp16", "-q");
        assertThat(asked.status()).isEqualTo(1);
        assertThat(asked.out()).contains("missing conv_in.bias", "model.fp16.safetensors");
    }

    @Test
    void aDecoderThatIsNoNumberIsNotTrainedFrom() throws Exception {
        Path base = TinyModels.copy(TinyModels.sd15(), folder.resolve("base"));
        Path vae = base.resolve("vae/diffusion_pytorch_model.safetensors");
        rewrite(
                vae,
                vae,
                (name, v) -> {
                    if (name.equals("decoder.conv_out.bias")) {
                        v[0] = Float.NaN;
                    }
                    return v;
                });
        train(base).fails(1, "--base", "are damaged (vae/decoder.conv_out.bias: 1 NaN");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
