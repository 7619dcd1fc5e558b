package org.diffusionsoup.core.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.diffusionsoup.core.lora.LoraFiles.random;
import static org.diffusionsoup.core.lora.LoraFiles.scalar;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files whose parts were dropped, renamed, reshaped: read with a finite size, or refused. */
class LoraFuzzTest {
    private static final int ROUNDS = 150;
    private static final String LINEAR = "lora_unet_mid_block_attentions_0_proj_in";
    private static final String CONV = "lora_unet_down_blocks_0_resnets_0_conv1";
    private static final String DOTTED = "unet.mid_block.attentions.0.proj_out";
    private static final String CONFIG =
            "{\"unet.r\": 2, \"unet.lora_alpha\": 3.5, \"unet.alpha_pattern\": {\"0.proj_out\": 1}}";

    @TempDir private Path dir;

    private static List<TensorEntry> seed(Random r) {
        List<TensorEntry> all = new ArrayList<>();
        switch (r.nextInt(6)) {
            case 0 -> all.addAll(LoraFiles.kohya(r, LINEAR, 2, 1, 6, 4));
            case 1 -> {
                all.addAll(LoraFiles.kohya(r, CONV, 2, 1, 6, 4, 3, 3));
                all.add(random(r, CONV + ".dora_scale", 6, 1, 1, 1));
            }
            case 2 -> {
                all.add(random(r, CONV + ".lora_down.weight", 2, 4, 1, 1));
                all.add(random(r, CONV + ".lora_mid.weight", 2, 2, 3, 3));
                all.add(random(r, CONV + ".lora_up.weight", 6, 2, 1, 1));
            }
            case 3 -> {
                for (String w : List.of("1", "2")) {
                    all.add(random(r, CONV + ".hada_t" + w, 2, 2, 3, 3));
                    all.add(random(r, CONV + ".hada_w" + w + "_a", 2, 6));
                    all.add(random(r, CONV + ".hada_w" + w + "_b", 2, 4));
                }
            }
            case 4 -> {
                all.add(random(r, LINEAR + ".lokr_w1", 2, 2));
                all.add(random(r, LINEAR + ".lokr_w2_a", 3, 2));
                all.add(random(r, LINEAR + ".lokr_w2_b", 2, 2));
                all.add(scalar(LINEAR + ".alpha", 1));
            }
            default -> {
                all.add(random(r, DOTTED + ".lora_A.weight", 2, 4));
                all.add(random(r, DOTTED + ".lora_B.weight", 6, 2));
                all.add(random(r, DOTTED + ".lora_magnitude_vector", 6));
            }
        }
        all.add(random(r, LINEAR + ".diff_b", 6));
        return all;
    }

    private static TensorEntry mutated(Random r, TensorEntry t) {
        return switch (r.nextInt(4)) {
            case 0 -> {
                StringBuilder name = new StringBuilder(t.name());
                name.setCharAt(r.nextInt(name.length()), "._0abw".charAt(r.nextInt(6)));
                yield new TensorEntry(name.toString(), t.dtype(), t.shape(), t.bytes());
            }
            case 1 -> {
                long[] shape = new long[r.nextInt(5)];
                for (int i = 0; i < shape.length; i++) {
                    shape[i] = r.nextInt(4);
                }
                yield random(r, t.name(), shape);
            }
            case 2 ->
                    new TensorEntry(t.name(), DType.I32, t.shape(), t.bytes()); // of the same size
            default -> {
                String[] words = {".alpha", ".diff", ".lokr_w1", ".lora_up.weight", ".oft_blocks"};
                yield random(r, LINEAR + words[r.nextInt(words.length)], 2, 2);
            }
        };
    }

    @Test
    void damagedFilesAreReadOrRefused() {
        int refused = 0;
        for (int i = 0; i < ROUNDS; i++) {
            Random r = new Random(i);
            Map<String, TensorEntry> entries = new TreeMap<>();
            seed(r).forEach(t -> entries.put(t.name(), t));
            for (int n = r.nextInt(3); n > 0; n--) {
                List<String> names = List.copyOf(entries.keySet());
                TensorEntry old = entries.remove(names.get(r.nextInt(names.size())));
                if (old != null && r.nextInt(4) > 0) {
                    TensorEntry made = mutated(r, old);
                    entries.put(made.name(), made);
                }
            }
            StringBuilder config = new StringBuilder(CONFIG);
            if (r.nextInt(3) == 0) {
                config.setCharAt(r.nextInt(config.length()), "{}[]\":,x1 ".charAt(r.nextInt(10)));
            }
            Path file = dir.resolve(i + ".safetensors");
            SafetensorsWriter.write(
                    file,
                    Map.of("lora_adapter_metadata", config.toString()),
                    List.copyOf(entries.values()));
            try (Lora lora = Lora.open(file)) {
                for (LoraLayer l : lora.layers()) {
                    long size = 1;
                    for (long d : l.shape()) {
                        size *= d;
                    }
                    assertThat(l.delta()).as("round %s, %s", i, l.key()).hasSize((int) size);
                    double[] zero = new double[(int) size];
                    assertThat(l.change(zero, l.shape(), 0.5)).hasSize((int) size);
                }
            } catch (SoupException e) {
                assertThat(e.getMessage()).as("round %s", i).contains(i + ".safetensors");
                refused++;
            }
        }
        assertThat(refused).isBetween(ROUNDS / 5, ROUNDS * 4 / 5);
    }
}
