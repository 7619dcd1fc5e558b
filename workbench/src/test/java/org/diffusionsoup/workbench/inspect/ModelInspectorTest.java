package org.diffusionsoup.workbench.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.inspect.ModelSummary.WeightFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelInspectorTest {
    @TempDir private Path dir;

    private static ModelSummary inspect(Path path) {
        return new ModelInspector(false, new TellingProgress()).inspect(path);
    }

    @Test
    void aPipelineIsDescribedComponentByComponent() {
        ModelSummary s = inspect(TinyModels.sd15());
        assertThat(s.pipeline()).contains("StableDiffusionPipeline");
        assertThat(s.layout()).isEqualTo("diffusers");
        assertThat(s.components())
                .extracting(ModelSummary.Component::name)
                .containsExactly("scheduler", "text_encoder", "tokenizer", "unet", "vae");
        assertThat(s.components().get(3).type()).contains("UNet2DConditionModel");
        assertThat(s.components().get(0).files()).isEmpty();
        assertThat(s.files()).hasSize(3);
        Map<String, float[]> unet = TinyModels.values(TinyModels.unet(TinyModels.sd15()));
        WeightFile file = s.components().get(3).files().getFirst();
        assertThat(file.tensorCount()).isEqualTo(unet.size());
        assertThat(file.tensors()).extracting(ModelSummary.TensorLine::name).isSorted();
        long parameters = unet.values().stream().mapToLong(v -> v.length).sum();
        assertThat(file.parameters()).isEqualTo(parameters);
        assertThat(file.dtypes()).isEqualTo(Map.of("F32", (long) unet.size()));
        assertThat(s.groups().get("unet"))
                .isEqualTo(new ModelSummary.Group(unet.size(), parameters, 4 * parameters));
        assertThat(s.groups()).containsOnlyKeys("text_encoder", "unet", "vae");
        assertThat(s.parameters())
                .isEqualTo(
                        s.groups().values().stream()
                                .mapToLong(ModelSummary.Group::parameters)
                                .sum());
        assertThat(s.tensors())
                .isEqualTo(
                        s.groups().values().stream().mapToLong(ModelSummary.Group::tensors).sum());
    }

    @Test
    void architecturesAreToldByTheirWeights() {
        assertThat(inspect(TinyModels.sdxl()).architecture()).contains("Stable Diffusion XL");
        assertThat(inspect(TinyModels.sdxl()).groups())
                .containsKeys("text_encoder", "text_encoder_2");
    }

    @Test
    void hashesAreReadOnlyWhereTheyAreWanted() {
        TellingProgress told = new TellingProgress();
        ModelSummary hashed = new ModelInspector(true, told).inspect(TinyModels.sd15());
        for (WeightFile f : hashed.files()) {
            Path file = TinyModels.sd15().resolve(f.name());
            assertThat(f.fileSha256()).contains(Hashes.sha256(file));
            assertThat(f.weightsSha256()).contains(WeightsHash.of(file));
            assertThat(f.bytes()).isEqualTo(file.toFile().length());
        }
        assertThat(told.totals).containsExactly(3L);
        assertThat(told.done).containsExactly(3L);
        TellingProgress quiet = new TellingProgress();
        assertThat(new ModelInspector(false, quiet).inspect(TinyModels.sd15()).files())
                .allSatisfy(f -> assertThat(f.fileSha256()).isEqualTo(Optional.empty()));
        assertThat(quiet.tasks).isEmpty();
    }

    @Test
    void aFileHasItsMetadataDtypesAndShapes() {
        Path file = dir.resolve("w.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of("format", "pt", "author", "somebody"),
                List.of(
                        TensorEntry.ofFloats("b", new long[] {2, 3}, new float[6]),
                        TensorEntry.ofFloats("a", new long[] {}, new float[1])));
        ModelSummary s = inspect(file);
        assertThat(s.layout()).isEqualTo("safetensors");
        assertThat(s.pipeline()).isEmpty();
        WeightFile w = s.files().getFirst();
        assertThat(w.name()).isEqualTo("w.safetensors");
        assertThat(w.metadata()).isEqualTo(Map.of("format", "pt", "author", "somebody"));
        assertThat(w.provenance()).isEmpty();
        assertThat(w.tensors())
                .containsExactly(
                        new ModelSummary.TensorLine("a", "F32", List.of()),
                        new ModelSummary.TensorLine("b", "F32", List.of(2L, 3L)));
        assertThat(w.parameters()).isEqualTo(7);
    }

    @Test
    void aSoupSaysWhatItIsMadeOf() {
        Path one = TinyModels.moved(dir.resolve("one"), TinyModels.jittered(1));
        Path two = TinyModels.moved(dir.resolve("two"), TinyModels.jittered(2));
        Path soup = dir.resolve("soup");
        Souper.create().make(List.of(SoupIngredient.of(one), SoupIngredient.of(two)), soup);
        WeightFile unet =
                inspect(soup).files().stream()
                        .filter(f -> f.name().startsWith("unet"))
                        .findFirst()
                        .orElseThrow();
        assertThat(unet.provenance()).isPresent();
        assertThat(unet.provenance().get().recipe().parse("soup").ingredients())
                .extracting(i -> i.coefficient().orElse(""))
                .containsExactly("1/2", "1/2");
        assertThat(unet.metadata().keySet()).noneMatch(k -> k.startsWith("soup."));
    }

    @Test
    void aFolderOfWeightsAloneIsReadFileByFile() throws IOException {
        Path unet = TinyModels.sd15().resolve("unet");
        ModelSummary s = inspect(unet);
        assertThat(s.layout()).isEqualTo("files");
        assertThat(s.components())
                .singleElement()
                .extracting(ModelSummary.Component::name)
                .isEqualTo("unet");
        assertThat(s.pipeline()).isEmpty();
        Path empty = Files.createDirectory(dir.resolve("empty"));
        assertThatThrownBy(() -> inspect(empty))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        empty
                                + " is no model: it holds neither a model_index.json nor a .safetensors file.");
    }

    @Test
    void whatIsNotThereAndWhatIsDamagedIsNamed() throws IOException {
        Path none = dir.resolve("none");
        assertThatThrownBy(() -> inspect(none))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "There is no "
                                + none
                                + "; name a .safetensors file or a folder in diffusers layout.");
        Path cut =
                Files.write(
                        dir.resolve("cut.safetensors"), new byte[] {9, 0, 0, 0, 0, 0, 0, 0, '{'});
        assertThatThrownBy(() -> inspect(cut))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(cut.toString());
    }
}
