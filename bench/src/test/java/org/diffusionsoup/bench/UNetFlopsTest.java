package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.junit.jupiter.api.Test;

class UNetFlopsTest {
    private static final int TOKENS = 5;
    private static final int TEXT = 20;
    private static final int TIME = 64;

    /** A UNet of two levels, 16 and 32 channels, written out layer by layer. */
    @Test
    void everyLayerIsCounted() {
        UNetConfig config =
                new UNetConfig(
                        16,
                        4,
                        4,
                        List.of("DownBlock2D", "CrossAttnDownBlock2D"),
                        List.of("CrossAttnUpBlock2D", "UpBlock2D"),
                        List.of(16, 32),
                        1,
                        List.of(2, 4),
                        List.of(1, 1),
                        TEXT,
                        true,
                        false,
                        8,
                        1e-5,
                        true,
                        0,
                        0,
                        0,
                        true);
        long large = 16 * 16;
        long small = 8 * 8;
        long expected = linear(1, 16, TIME) + linear(1, TIME, TIME);
        expected += conv(large, 4, 16, 3);
        expected += resnet(large, 16, 16) + conv(small, 16, 16, 3);
        expected += resnet(small, 16, 32) + transformer(small, 32);
        expected += resnet(small, 32, 32) + transformer(small, 32) + resnet(small, 32, 32);
        expected += resnet(small, 32 + 32, 32) + transformer(small, 32);
        expected += resnet(small, 32 + 16, 32) + transformer(small, 32);
        expected += conv(large, 32, 32, 3);
        expected += resnet(large, 32 + 16, 16) + resnet(large, 16 + 16, 16);
        expected += conv(large, 16, 4, 3);

        UNet2DConditionModel unet = new UNet2DConditionModel(config);
        unet.parameters().initialise(1);
        try (var parameters = unet.parameters()) {
            assertThat(UNetFlops.forward(unet, 16, 16, TOKENS)).isEqualTo(expected);
            // four times the pixels: everything but text and time grows, attention by more
            assertThat(UNetFlops.forward(unet, 32, 32, TOKENS)).isGreaterThan(4 * expected);
            assertThat(parameters.count()).isPositive();
        }
    }

    private static long linear(long rows, long in, long out) {
        return 2 * rows * in * out;
    }

    private static long conv(long pixels, long in, long out, long k) {
        return 2 * pixels * in * out * k * k;
    }

    private static long resnet(long pixels, long in, long out) {
        long shortcut = in == out ? 0 : conv(pixels, in, out, 1);
        return conv(pixels, in, out, 3)
                + conv(pixels, out, out, 3)
                + linear(1, TIME, out)
                + shortcut;
    }

    private static long transformer(long pixels, long c) {
        long projections = 2 * linear(pixels, c, c);
        long self = 4 * linear(pixels, c, c) + 2 * (2 * pixels * pixels * c);
        long cross =
                2 * linear(pixels, c, c)
                        + 2 * linear(TOKENS, TEXT, c)
                        + 2 * (2 * pixels * TOKENS * c);
        long feedForward = linear(pixels, c, 8 * c) + linear(pixels, 4 * c, c);
        return projections + self + cross + feedForward;
    }
}
