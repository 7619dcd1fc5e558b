package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Single files that say they predict something else than noise or velocity. */
class ObjectiveOfFileTest {
    @TempDir Path folder;

    private Path single;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void convert() {
        single = folder.resolve("plain.safetensors");
        Run.of("convert", TinyModels.sdxl(), "-o", single).ok();
    }

    /**
     * The tiny SDXL in one file.
     *
     * @param predicts what its header says it predicts; empty for nothing
     * @param tensors names of tensors that it has besides
     */
    private Path file(String name, String predicts, String... tensors) {
        Path out = folder.resolve(name);
        try (SafetensorsFile f = SafetensorsFile.open(single)) {
            List<TensorEntry> all = new ArrayList<>();
            for (TensorInfo t : f.tensors().values()) {
                TensorBytes bytes = TensorBytes.of(f.data(t.name()));
                all.add(new TensorEntry(t.name(), t.dtype(), t.shape(), bytes));
            }
            for (String t : tensors) {
                all.add(TensorEntry.ofFloats(t, new long[] {1}, new float[] {1}));
            }
            Map<String, String> header = new TreeMap<>(f.metadata());
            header.remove(TrainingObjective.MODELSPEC);
            if (!predicts.isEmpty()) { // and no scheduler that says another thing
                header.put(TrainingObjective.MODELSPEC, predicts);
                String carried = header.get(CarriedConfigs.KEY);
                header.put(
                        CarriedConfigs.KEY,
                        carried.replace(CarriedConfigs.SCHEDULER, "scheduler/none.json"));
            }
            SafetensorsWriter.write(out, header, all);
        }
        return out;
    }

    private Run generate(Path model, Path png, String... more) {
        List<Object> words =
                new ArrayList<>(List.of("generate", "--model", model, "--prompt", "a cat"));
        words.addAll(List.of("--steps", 2, "--size", 32, "-q", "-o", png));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private byte[] picture(Path model, String... more) throws IOException {
        Path png = Files.createTempFile(folder, "p", ".png");
        Files.delete(png);
        generate(model, png, more).ok();
        return PngCodec.decode(Files.readAllBytes(png), png.toString()).pixels();
    }

    private void isRefused(Path model, String... words) {
        Path out = folder.resolve("out");
        generate(model, folder.resolve("p.png")).fails(1, words);
        Run.of("convert", model, "-o", out).fails(1, words);
        Path shard = folder.resolve("rows.tar");
        if (!Files.exists(shard)) {
            TinyTraining.shard(shard, 4, 64, "train");
        }
        Run.of("train", "--base", model, "--shard", shard, "--out", out, "--steps", 1, "-q")
                .fails(1, words);
        Run verified = Run.of("verify", model);
        assertThat(verified.status()).isEqualTo(1);
        assertThat(verified.out()).contains(words);
        assertThat(out).doesNotExist();
        assertThat(folder.resolve("p.png")).doesNotExist();
    }

    private void isNotMerged(Path one, Path two, String... words) {
        Path out = folder.resolve("no.safetensors");
        Run merged = Run.of("merge", one, two, "-o", out);
        assertThat(merged.status()).isEqualTo(1);
        assertThat(merged.err()).contains(words);
        Run dropped = Run.of("merge", one, two, "-o", out, "--on-extra", "drop");
        assertThat(dropped.status()).as("without the tensors").isEqualTo(1);
        assertThat(dropped.err()).contains(words);
        assertThat(out).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "edm_mean, edm_std, Playground v2.5",
        "edm_vpred.sigma_max, edm_vpred.sigma_min, CosXL"
    })
    void modelsOfEdmAreRefusedAndMergedAmongThemselves(String mark, String more, String like) {
        Path model = file("edm.safetensors", "", mark, more);
        isRefused(model, "edm.safetensors", mark, like);
        Run.of("convert", model, "-o", folder.resolve("f"), "--prediction-type", "epsilon")
                .fails(1, mark, like);
        isNotMerged(single, model, "tensor '" + mark + "'");
        Path out = folder.resolve("both.safetensors");
        Run.of("merge", model, file("two.safetensors", "", mark, more), "-o", out).ok();
        isRefused(out, "both.safetensors", mark, like);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EDM", "rectified_flow"})
    void anUnknownWordIsRefusedAndComparedInMerges(String word) {
        Path model = file("m.safetensors", word);
        isRefused(model, "m.safetensors", "'" + word + "'", "modelspec.prediction_type");
        isNotMerged(single, model, word, "modelspec.prediction_type");
        Path back = folder.resolve("back");
        Run.of("convert", model, "-o", back, "--prediction-type", "v_prediction").ok();
        assertThat(back.resolve("scheduler/scheduler_config.json")).content().contains("v_pred");
        Path out = folder.resolve("both.safetensors");
        Run.of("merge", model, file("two.safetensors", word), "-o", out).ok();
        isRefused(out, "both.safetensors", "'" + word + "'");
    }

    @Test
    void aSampleIsReadAsOne() throws IOException {
        Path model = file("m.safetensors", "sample");
        Run.of("verify", model, "-q").ok();
        Path back = folder.resolve("back");
        Run.of("convert", model, "-o", back).ok();
        assertThat(back.resolve("scheduler/scheduler_config.json"))
                .content()
                .contains("\"prediction_type\" : \"sample\"");
        assertThat(picture(model))
                .isEqualTo(picture(back))
                .isNotEqualTo(picture(single, "--scheduler", "ddim"));
        Path asked = folder.resolve("asked");
        Path plain = file("n.safetensors", "epsilon");
        Run.of("convert", plain, "-o", asked, "--prediction-type", "sample").ok();
        assertThat(picture(asked)).isEqualTo(picture(model));
        isNotMerged(single, model, "sample", "modelspec.prediction_type");
    }

    /** What a folder says comes back from the file that is made of it. */
    @Test
    void aFolderOfSamplesKeepsThemThroughASingleFile() throws IOException {
        Path samples = TinyModels.copy(TinyModels.sd21(), folder.resolve("samples"));
        Path config = samples.resolve("scheduler/scheduler_config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replace("\"v_prediction\"", "\"sample\""));
        assertThat(config).content().contains("\"sample\"");
        Path file = folder.resolve("samples.safetensors");
        Run.of("convert", samples, "-o", file).ok();
        assertThat(picture(file))
                .isEqualTo(picture(samples))
                .isNotEqualTo(picture(TinyModels.sd21()));
    }
}
