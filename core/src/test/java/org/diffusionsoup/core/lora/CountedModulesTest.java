package org.diffusionsoup.core.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.diffusionsoup.core.lora.LoraFiles.random;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of cloneofsimo, whose modules are counted in the order of registration. */
class CountedModulesTest {
    private static final String BLOCK = ".attentions.0.transformer_blocks.0.";

    @TempDir private Path dir;

    private final Random random = new Random(7);

    /** Widths differ from block to block, so that only the right order fits. */
    private Path model() {
        List<TensorEntry> all = new ArrayList<>();
        int width = 2;
        for (String place : List.of("mid_block", "up_blocks.0", "down_blocks.0", "down_blocks.1")) {
            width += 2;
            for (String attention : List.of("attn1.", "attn2.")) {
                int in = attention.equals("attn2.") ? 5 : width;
                for (String p : List.of("to_q", "to_k", "to_v", "to_out.0")) {
                    boolean text = p.equals("to_k") || p.equals("to_v");
                    all.add(
                            random(
                                    random,
                                    place + BLOCK + attention + p + ".weight",
                                    width,
                                    text ? in : width));
                }
            }
            all.add(random(random, place + BLOCK + "ff.net.0.proj.weight", 8 * width, width));
            all.add(random(random, place + BLOCK + "ff.net.2.weight", width, 4 * width));
            all.add(random(random, place + ".attentions.0.proj_in.weight", width, width, 1, 1));
            all.add(random(random, place + ".resnets.0.conv1.weight", width, 3, 3, 3));
        }
        return LoraFiles.write(dir.resolve("unet.safetensors"), all.toArray(TensorEntry[]::new));
    }

    private static List<String> order(boolean feedForwardFirst, boolean resnets) {
        List<String> modules = new ArrayList<>();
        for (String place : List.of("down_blocks.0", "down_blocks.1", "up_blocks.0", "mid_block")) {
            List<String> rest = List.of("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0");
            List<String> names =
                    new ArrayList<>(
                            List.of("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"));
            names.addAll(rest);
            names.add(feedForwardFirst ? 4 : 8, "ff.net.0.proj");
            names.forEach(n -> modules.add(place + BLOCK + n));
            if (resnets) {
                modules.add(place + ".resnets.0.conv1");
            }
        }
        return modules;
    }

    private Path file(SafetensorsFile unet, List<String> modules, boolean resnets) {
        List<TensorEntry> all = new ArrayList<>();
        for (int i = 0; i < modules.size(); i++) {
            long[] shape = unet.tensor(modules.get(i) + ".weight").shape();
            long[] up =
                    shape.length == 2 ? new long[] {shape[0], 1} : new long[] {shape[0], 1, 1, 1};
            shape[0] = 1;
            all.add(random(random, "unet:" + i + ":up", up));
            all.add(random(random, "unet:" + i + ":down", shape));
        }
        return LoraFiles.write(
                dir.resolve("simo.safetensors"),
                Map.of(
                        "unet",
                        resnets
                                ? "[\"ResnetBlock2D\", \"CrossAttention\", \"GEGLU\"]"
                                : "[\"CrossAttention\", \"Attention\", \"GEGLU\"]"),
                all.toArray(TensorEntry[]::new));
    }

    @Test
    void modulesAreCountedAsTheModelRegistersThem() {
        try (SafetensorsFile unet = SafetensorsFile.open(model())) {
            for (boolean first : new boolean[] {true, false}) {
                for (boolean resnets : new boolean[] {true, false}) {
                    List<String> modules = order(first, resnets);
                    Path file = file(unet, modules, resnets);
                    try (Lora lora = Lora.open(file, Map.of("unet", unet))) {
                        assertThat(lora.layers()).hasSize(modules.size());
                        for (LoraLayer l : lora.layers()) {
                            int i = Integer.parseInt(l.key().substring("unet:".length()));
                            assertThat(l.target().module()).isEqualTo(modules.get(i));
                            assertThat(l.factor()).isEqualTo(1);
                        }
                        assertThat(lora.title()).isEqualTo("LoRA (cloneofsimo)");
                    }
                }
            }
        }
    }

    @Test
    void withoutItsModelItIsRefused() {
        try (SafetensorsFile unet = SafetensorsFile.open(model())) {
            Path file = file(unet, order(true, false), false);
            assertThatThrownBy(() -> Lora.open(file))
                    .hasMessageContainingAll("simo.safetensors", "`model`");
            Path fewer = file(unet, order(true, false).subList(0, 20), false);
            assertThatThrownBy(() -> Lora.open(fewer, Map.of("unet", unet)))
                    .hasMessageContainingAll("simo.safetensors", "20 modules");
        }
    }
}
