package org.diffusionsoup.workbench.pretrain;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.diffusion.train.TrainingOptions.Schedule;
import org.junit.jupiter.api.Test;

/** What bases say of their making. */
class PretrainRecipeTest {
    /** Byte for byte what headers had in November 2026. */
    @Test
    void theRecipeInTheHeader() throws IOException {
        Path golden = Path.of("../core/src/test/resources/recipes/pretrain.json");
        assertThat(
                        PretrainRecipe.scenes(2, 4, 3, 5, 1e-3, Schedule.COSINE, 7)
                                .header("0123abcd")
                                .text())
                .isEqualTo(Files.readString(golden));
    }
}
