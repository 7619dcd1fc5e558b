package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomModelTest {
    @TempDir private Path folder;

    @Test
    void everyPublishedModelHasAllItsComponents() {
        for (String model : PublishedModels.names()) {
            List<String> components = PublishedModels.components(model);
            assertThat(components).contains("unet", "vae", "text_encoder", "scheduler");
            assertThat(components.contains("text_encoder_2")).isEqualTo(model.equals("sdxl"));
            int width = UNetShape.named(model).config().crossAttentionDim();
            int texts = 0;
            for (String component : components) {
                if (component.startsWith("text_encoder")) {
                    texts +=
                            ClipTextConfig.of(PublishedModels.config(model, component))
                                    .hiddenSize();
                }
            }
            assertThat(texts).as("text of %s", model).isEqualTo(width);
            assertThat(VaeConfig.of(PublishedModels.config(model, "vae")).latentChannels())
                    .isEqualTo(4);
        }
    }

    @Test
    void nothingIsLeftOfAModelThatIsNotThere() throws Exception {
        Path out = folder.resolve("m");
        assertThatThrownBy(() -> RandomModel.write("sd-9", out, DType.F16, 0, Progress.silent()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("there is no shape 'sd-9'");
        try (var left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }
}
