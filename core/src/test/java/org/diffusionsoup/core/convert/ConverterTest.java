package org.diffusionsoup.core.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversion of the tiny models of module diffusion's test resources, bytes and all. */
final class ConverterTest {
    private static final Path MODELS =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference/pipelines");

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"tiny-sd15", "tiny-sd21", "tiny-sdxl"})
    void thereAndBackKeepsEveryByteOfWeightsAndConfigurations(String model) throws IOException {
        Path single = folder.resolve("single.safetensors");
        Path back = folder.resolve("back");
        Path original = MODELS.resolve(model);
        try (Checkpoint in = Checkpoint.open(original)) {
            Converter.DEFAULT.toSingleFile(in, single);
        }
        try (Checkpoint in = Checkpoint.open(single)) {
            Converter.DEFAULT.toDiffusers(in, back);
        }
        assertThat(WeightsHash.of(back)).isEqualTo(WeightsHash.of(original));
        for (String file :
                List.of(
                        "unet/config.json",
                        "vae/config.json",
                        "text_encoder/config.json",
                        "tokenizer/vocab.json",
                        "scheduler/scheduler_config.json")) {
            assertThat(back.resolve(file)).hasSameBinaryContentAs(original.resolve(file));
        }
    }

    @Test
    void matricesAreTransposedElementByElement() {
        Path file = folder.resolve("m.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(TensorEntry.ofFloats("m", new long[] {2, 3}, 1, 2, 3, 4, 5, 6)));
        try (SafetensorsFile open = SafetensorsFile.open(file);
                Arena arena = Arena.ofConfined()) {
            Derived d = Derived.transposed(open, open.tensor("m"), "t");
            MemorySegment all = arena.allocate(24, 4);
            d.reader().read(0, all);
            assertThat(d.info().shape()).containsExactly(3, 2);
            assertThat(all.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(1, 4, 2, 5, 3, 6);
            MemorySegment part = arena.allocate(8, 4);
            d.reader().read(12, part);
            assertThat(part.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(5, 3);
        }
    }

    @Test
    void aViewOfASingleFileHasTheFoldersTensors() {
        Path single = folder.resolve("single.safetensors");
        try (Checkpoint in = Checkpoint.open(MODELS.resolve("tiny-sdxl"))) {
            Converter.DEFAULT.toSingleFile(in, single);
            try (Checkpoint one = Checkpoint.open(single)) {
                var view = Converter.view(one);
                assertThat(view.keySet()).isEqualTo(in.parts().keySet());
                view.forEach((c, s) ->
                        assertThat(s.tensors().keySet())
                                .containsExactlyInAnyOrderElementsOf(
                                        in.part(c).tensors().keySet()));
            }
        }
    }

    @Test
    void existingOutputsAndForeignFilesAreRefused() throws IOException {
        Path there = Files.writeString(folder.resolve("there"), "x");
        try (Checkpoint in = Checkpoint.open(MODELS.resolve("tiny-sd15"))) {
            assertThatThrownBy(() -> Converter.DEFAULT.toSingleFile(in, there))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("is a text file, not a model file; it is not replaced");
        }
        assertThat(there).hasContent("x");
        Path other = folder.resolve("other.safetensors");
        SafetensorsWriter.write(
                other, Map.of(), List.of(TensorEntry.ofFloats("a", new long[] {1}, 1)));
        try (Checkpoint in = Checkpoint.open(other)) {
            assertThatThrownBy(() -> Converter.DEFAULT.toDiffusers(in, folder.resolve("out")))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("not recognised");
        }
    }
}
