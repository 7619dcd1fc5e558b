package org.diffusionsoup.diffusion.clip;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.junit.jupiter.api.Test;

/** The CLIPs that scores are quoted with, by the fields of their published config files. */
class ClipSizesTest {
    private static ClipModel.Config config(String json) throws IOException {
        return ClipModel.Config.of(new JsonConfig("test", new ObjectMapper().readTree(json)));
    }

    private static long weights(ClipModel.Config config) {
        ClipModel clip = new ClipModel(config);
        try {
            // Allocated, but never touched.
            return clip.parameters().all().stream().mapToLong(Parameter::elements).sum();
        } finally {
            clip.parameters().close();
        }
    }

    @Test
    void vitB32() throws IOException {
        ClipModel.Config c =
                config(
                        """
                        {"projection_dim": 512, "text_config": {}, "vision_config": {}}\
                        """);
        assertThat(c.text().activation()).isEqualTo(Activation.QUICK_GELU);
        assertThat(c.vision().patchSize()).isEqualTo(32);
        assertThat(weights(c)).isEqualTo(151_277_313);
    }

    @Test
    void vitL14() throws IOException {
        ClipModel.Config c =
                config(
                        """
                        {"projection_dim": 768,
                         "text_config": {"hidden_size": 768, "intermediate_size": 3072,
                            "num_attention_heads": 12, "num_hidden_layers": 12,
                            "hidden_act": "quick_gelu", "projection_dim": 768},
                         "vision_config": {"hidden_size": 1024, "intermediate_size": 4096,
                            "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
                            "hidden_act": "quick_gelu", "projection_dim": 768}}\
                        """);
        assertThat(c.vision().activation()).isEqualTo(Activation.QUICK_GELU);
        assertThat(weights(c)).isEqualTo(427_616_513);
    }

    @Test
    void vitH14HasTheExactGelu() throws IOException {
        ClipModel.Config c =
                config(
                        """
                        {"projection_dim": 1024,
                         "text_config": {"hidden_size": 1024, "intermediate_size": 4096,
                            "num_attention_heads": 16, "num_hidden_layers": 24,
                            "hidden_act": "gelu", "projection_dim": 512},
                         "vision_config": {"hidden_size": 1280, "intermediate_size": 5120,
                            "num_attention_heads": 16, "num_hidden_layers": 32, "patch_size": 14,
                            "hidden_act": "gelu", "projection_dim": 512}}\
                        """);
        assertThat(c.text().activation()).isEqualTo(Activation.GELU);
        assertThat(c.vision().activation()).isEqualTo(Activation.GELU);
        assertThat(weights(c)).isEqualTo(986_109_441);
    }
}
