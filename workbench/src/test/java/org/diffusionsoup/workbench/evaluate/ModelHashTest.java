package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** By the hash of a model it is decided whether its pictures are drawn anew. */
class ModelHashTest {
    @TempDir private Path temp;

    private static void write(Path unet, float weight) throws IOException {
        Files.createDirectories(unet);
        Files.writeString(unet.resolve("config.json"), "{}");
        SafetensorsWriter.write(
                unet.resolve("diffusion_pytorch_model.safetensors"),
                Map.of(),
                List.of(TensorEntry.ofFloats("w", new long[] {1}, new float[] {weight})));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS) // where making links takes a privilege
    void whatLinksLeadToIsAPartOfTheModel() throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        Files.writeString(model.resolve("model_index.json"), "{}");
        write(model.resolve("unet"), 1);
        String plain = ModelHash.of(model);
        Path link = Files.createSymbolicLink(temp.resolve("latest"), model);
        assertThat(ModelHash.of(link)).isEqualTo(plain);
        Path apart = Files.move(model.resolve("unet"), temp.resolve("apart"));
        Files.createSymbolicLink(model.resolve("unet"), apart);
        Files.createSymbolicLink(model.resolve("here"), model);
        Files.createSymbolicLink(model.resolve("gone"), temp.resolve("nowhere"));
        assertThat(ModelHash.of(model)).isEqualTo(plain);
        write(apart, 2);
        assertThat(ModelHash.of(model)).isNotEqualTo(plain);
    }
}
