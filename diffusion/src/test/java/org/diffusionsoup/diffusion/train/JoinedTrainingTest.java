package org.diffusionsoup.diffusion.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.torch.TorchException;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The denoiser and its text encoder, trained as one. */
class JoinedTrainingTest {
    private static final int WIDTH = 16;
    private static final int TOKENS = 5;

    @TempDir private Path temp;

    private static UNet2DConditionModel unet() {
        UNet2DConditionModel unet =
                new UNet2DConditionModel(
                        new UNetConfig(
                                8,
                                4,
                                4,
                                List.of("CrossAttnDownBlock2D", "DownBlock2D"),
                                List.of("UpBlock2D", "CrossAttnUpBlock2D"),
                                List.of(8, 8),
                                1,
                                List.of(2, 2),
                                List.of(1, 1),
                                WIDTH,
                                true,
                                false,
                                4,
                                1e-5,
                                true,
                                0,
                                0,
                                0,
                                true));
        unet.parameters().initialise(1);
        return unet;
    }

    private static ClipTextModel text() {
        ClipTextModel text =
                new ClipTextModel(
                        new ClipTextConfig(
                                20, WIDTH, 2 * WIDTH, 1, 2, TOKENS, Activation.GELU, 1e-5, 2, 8),
                        false);
        text.parameters().initialise(2);
        return text;
    }

    @Test
    void bothLearnAndKeepTheirNames() {
        UNet2DConditionModel unet = unet();
        ClipTextModel text = text();
        float[] unetBefore = unet.parameters().flat().toFloatArray();
        float[] textBefore = text.parameters().flat().toFloatArray();
        Parameters both = Parameters.joined(unet.parameters(), text.parameters());
        assertThat(unet.parameters().flat().toFloatArray()).isEqualTo(unetBefore);
        assertThat(text.parameters().flat().toFloatArray()).isEqualTo(textBefore);
        assertThat(both.count()).isEqualTo(unetBefore.length + textBefore.length);

        int[][] ids = {{3, 19, 1, 1, 1}, {3, 4, 19, 1, 1}, {3, 5, 6, 19, 1}};
        try (Scope s = Scope.open();
                Rng rng = new Rng(7)) {
            Tensor latents = rng.normal(4, 4, 8, 8);
            Tensor unused = rng.normal(3, TOKENS, WIDTH);
            int[][] captions = {{1}, {2}, {1, 2}, {2}};
            DenoisingObjective objective =
                    new DenoisingObjective(
                            unet,
                            new LatentSet(latents, unused, captions, 0),
                            NoiseTable.of(betas(), false),
                            PredictionType.EPSILON,
                            0.1,
                            Optional.of(new DenoisingObjective.Texts(text, ids)),
                            1);
            TrainingOptions options =
                    new TrainingOptions(
                            3,
                            2,
                            1,
                            1e-3,
                            TrainingOptions.Schedule.CONSTANT,
                            0,
                            0,
                            0.9,
                            0.999,
                            1e-8,
                            1,
                            0,
                            5,
                            false);
            try (TrainingRun run = new TrainingRun(both, objective, options, temp, "joined")) {
                run.run(0, () -> false, p -> {});
            }
        }
        assertThat(changed(unetBefore, unet.parameters().flat().toFloatArray()))
                .isGreaterThan(unetBefore.length / 2);
        // Most of the vocabulary occurs in no caption; every layer after the embedding learns.
        assertThat(changed(textBefore, text.parameters().flat().toFloatArray()))
                .isGreaterThan(textBefore.length / 2);
        assertThat(changedRow(text, textBefore, 4)).isTrue();
        assertThat(changedRow(text, textBefore, 12)).isFalse();
        both.close();
    }

    @Test
    void weightsThatAlreadyLearnAreNotJoined() {
        ClipTextModel text = text();
        text.parameters().train();
        assertThatThrownBy(() -> Parameters.joined(unet().parameters(), text.parameters()))
                .isInstanceOf(TorchException.class)
                .hasMessageContaining("gradients");
        assertThatThrownBy(() -> Parameters.joined(text().parameters(), text().parameters()))
                .isInstanceOf(TorchException.class)
                .hasMessageContaining("is in two of the models");
    }

    private static double[] betas() {
        double[] b = new double[10];
        for (int i = 0; i < b.length; i++) {
            b[i] = 0.01 * (i + 1);
        }
        return b;
    }

    private static int changed(float[] before, float[] after) {
        int n = 0;
        for (int i = 0; i < before.length; i++) {
            n += before[i] != after[i] ? 1 : 0;
        }
        return n;
    }

    private static boolean changedRow(ClipTextModel text, float[] before, int token) {
        var p = text.parameters().find("text_model.embeddings.token_embedding.weight");
        assertThat(p).isNotNull();
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            float[] now = p.value().toFloatArray();
            for (int j = 0; j < WIDTH; j++) {
                // The embedding is the first parameter that the tower declares.
                if (now[token * WIDTH + j] != before[token * WIDTH + j]) {
                    return true;
                }
            }
        }
        return false;
    }
}
