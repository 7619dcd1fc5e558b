package org.diffusionsoup.core.convert;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ArchitectureTest {
    @ParameterizedTest
    @CsvSource({
        "sd15, Stable Diffusion 1.x",
        "sd21, Stable Diffusion 2.x",
        "sdxl, Stable Diffusion XL"
    })
    void denoisersOfTheFullSizeModelsAreRecognised(String model, String title) throws IOException {
        assertThat(Architecture.of(Manifest.shapes(model).get("unet")))
                .map(Architecture::title)
                .contains(title);
    }

    @Test
    void sharedPartsSayNothing() throws IOException {
        assertThat(Architecture.of(Manifest.shapes("sdxl").get("vae"))).isEmpty();
        assertThat(Architecture.of(Manifest.shapes("sdxl").get("text_encoder"))).isEmpty();
        assertThat(Architecture.of(Map.of())).isEmpty();
    }

    @Test
    void textEncodersOfOneFamilyTellIt() throws IOException {
        assertThat(Architecture.of(Manifest.shapes("sd21").get("text_encoder")))
                .map(Architecture::family)
                .contains(Architecture.Family.SD2);
        assertThat(Architecture.of(Manifest.shapes("sdxl").get("text_encoder_2")))
                .map(Architecture::family)
                .contains(Architecture.Family.SDXL);
    }

    @Test
    void inputChannelsTellTheTaskAndTheContextTheRefiner() throws IOException {
        Map<String, TensorInfo> unet = new LinkedHashMap<>(Manifest.shapes("sd15").get("unet"));
        unet.put("conv_in.weight", f16("conv_in.weight", 320, 9, 3, 3));
        assertThat(Architecture.of(unet).orElseThrow())
                .hasToString("Stable Diffusion 1.x inpainting");
        Map<String, TensorInfo> xl = new LinkedHashMap<>(Manifest.shapes("sdxl").get("unet"));
        xl.replaceAll((n, t) -> n.endsWith("attn2.to_k.weight") ? f16(n, t.shape()[0], 1280) : t);
        assertThat(Architecture.of(xl).orElseThrow()).hasToString("Stable Diffusion XL refiner");
    }

    @Test
    void latentsOfMoreChannelsAreNoPictureToEdit() throws IOException {
        Map<String, TensorInfo> unet = new LinkedHashMap<>(Manifest.shapes("sd15").get("unet"));
        unet.put("conv_in.weight", f16("conv_in.weight", 320, 8, 3, 3));
        assertThat(Architecture.of(unet).orElseThrow().task()).isEqualTo(Architecture.Task.EDITING);
        unet.put("conv_out.weight", f16("conv_out.weight", 8, 320, 3, 3));
        assertThat(Architecture.of(unet).orElseThrow().task())
                .isEqualTo(Architecture.Task.TEXT_TO_IMAGE);
    }

    private static TensorInfo f16(String name, long... shape) {
        long n = 2;
        for (long d : shape) {
            n *= d;
        }
        return new TensorInfo(name, DType.F16, shape, 0, n);
    }
}
