package org.diffusionsoup.core.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.diffusionsoup.core.lora.LoraFiles.random;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Means of products, smaller ranks, and both namings, on random LoRAs. */
class LoraMakerTest {
    private static final String LINEAR = "lora_unet_mid_block_attentions_0_proj_in";
    private static final String CONV = "lora_unet_down_blocks_0_resnets_0_conv1";
    private static final String TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1";

    @TempDir private Path dir;

    private final Random random = new Random(11);

    private Path lora(String name, int rank, float alpha, boolean text) {
        List<TensorEntry> all = new ArrayList<>();
        all.addAll(LoraFiles.kohya(random, LINEAR, rank, alpha, 12, 10));
        all.addAll(LoraFiles.kohya(random, CONV, rank + 1, alpha, 8, 6, 3, 3));
        if (text) {
            all.addAll(LoraFiles.kohya(random, TEXT, 2, 3, 9, 7));
        }
        return LoraFiles.write(dir.resolve(name), all.toArray(TensorEntry[]::new));
    }

    private LoraMaker maker(Path out, LoraNaming naming, DType dtype) {
        return new LoraMaker(new LoraOutput(out, false, naming, dtype), SoupProgress.NONE);
    }

    private static Map<String, double[]> deltas(Path file) {
        Map<String, double[]> deltas = new TreeMap<>();
        try (Lora lora = Lora.open(file)) {
            lora.layers().forEach(l -> deltas.put(l.target().toString(), l.delta()));
        }
        return deltas;
    }

    private static double difference(double[] a, double[] b) {
        assertThat(a.length).isEqualTo(b.length);
        double square = 0;
        for (int i = 0; i < a.length; i++) {
            square += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return Math.sqrt(square);
    }

    private static double norm(double[] a) {
        return difference(a, new double[a.length]);
    }

    private MadeLora mean(Path out, LoraNaming naming, OptionalInt rank, Path... files) {
        List<Lora> open = new ArrayList<>();
        try {
            List<LoraFusion.Term> terms = new ArrayList<>();
            double weight = 3;
            for (Path f : files) {
                open.add(Lora.open(f));
                terms.add(new LoraFusion.Term(open.getLast(), weight));
                weight -= 2;
            }
            return maker(out, naming, DType.F32).mean(terms, rank);
        } finally {
            open.forEach(Lora::close);
        }
    }

    @Test
    void theMeanIsThatOfProducts() {
        Path a = lora("a.safetensors", 3, 6, true);
        Path b = lora("b.safetensors", 2, 1, false);
        Map<String, double[]> da = deltas(a);
        Map<String, double[]> db = deltas(b);
        Path whole = dir.resolve("whole.safetensors");
        MadeLora made = mean(whole, LoraNaming.KOHYA, OptionalInt.empty(), a, b);
        assertThat(made.relativeError()).isZero();
        Path factored = dir.resolve("factored.safetensors");
        MadeLora near = mean(factored, LoraNaming.KOHYA, OptionalInt.of(7), a, b);
        assertThat(near.relativeError()).isLessThan(1e-6);
        Path small = dir.resolve("small.safetensors");
        MadeLora far = mean(small, LoraNaming.PEFT, OptionalInt.of(2), a, b);
        assertThat(far.relativeError()).isBetween(0.05, 0.9);
        assertThat(deltas(whole).keySet()).isEqualTo(da.keySet());
        double missed = 0;
        double all = 0;
        for (var e : da.entrySet()) {
            double[] exact = e.getValue().clone();
            double[] other = db.getOrDefault(e.getKey(), new double[exact.length]);
            for (int i = 0; i < exact.length; i++) {
                exact[i] = 0.75 * exact[i] + 0.25 * other[i];
            }
            double[] stored = deltas(whole).get(e.getKey());
            for (int i = 0; i < exact.length; i++) {
                assertThat(stored[i]).isEqualTo((float) exact[i]); // rounded once
            }
            assertThat(difference(deltas(factored).get(e.getKey()), exact))
                    .isLessThan(1e-6 * norm(exact));
            double miss = difference(deltas(small).get(e.getKey()), exact);
            MadeLora.Layer said =
                    far.layers().stream()
                            .filter(l -> l.target().toString().equals(e.getKey()))
                            .findFirst()
                            .orElseThrow();
            assertThat(said.relativeError()).isCloseTo(miss / norm(exact), within(1e-9));
            missed += miss * miss;
            all += norm(exact) * norm(exact);
        }
        assertThat(far.relativeError()).isCloseTo(Math.sqrt(missed / all), within(1e-9));
    }

    @Test
    void bothNamingsSayTheSame() {
        Path a = lora("a.safetensors", 3, 7, true);
        for (LoraNaming naming : LoraNaming.values()) {
            Path out = dir.resolve(naming + ".safetensors");
            try (Lora lora = Lora.open(a)) {
                MadeLora made = maker(out, naming, DType.F32).resize(lora, 64);
                assertThat(made.relativeError()).isZero();
                assertThat(made.layers()).hasSize(3);
            }
            Map<String, double[]> before = deltas(a);
            Map<String, double[]> after = deltas(out);
            assertThat(after.keySet()).isEqualTo(before.keySet());
            before.forEach((n, d) -> assertThat(after.get(n)).as(n).isEqualTo(d));
            try (Lora lora = Lora.open(out);
                    Lora old = Lora.open(a)) {
                for (int i = 0; i < old.layers().size(); i++) {
                    assertThat(lora.layers().get(i).alpha()).isEqualTo(old.layers().get(i).alpha());
                    assertThat(lora.layers().get(i).rank()).isEqualTo(old.layers().get(i).rank());
                }
                assertThat(lora.title()).contains(naming == LoraNaming.PEFT ? "peft" : "kohya");
            }
        }
    }

    @Test
    void halfPrecisionIsInTheError() {
        Path a = lora("a.safetensors", 3, 7, true);
        try (Lora lora = Lora.open(a)) {
            MadeLora made =
                    maker(dir.resolve("h.safetensors"), LoraNaming.KOHYA, DType.F16)
                            .resize(lora, 64);
            assertThat(made.relativeError()).isBetween(1e-5, 1e-3);
        }
        assertThatThrownBy(() -> maker(dir.resolve("i.safetensors"), LoraNaming.KOHYA, DType.I8))
                .isInstanceOf(SoupException.class);
    }

    @Test
    void whatHasNoProductOrNoNameIsRefused() {
        Path a = lora("a.safetensors", 2, 1, false);
        List<TensorEntry> dora = LoraFiles.kohya(random, LINEAR, 2, 1, 12, 10);
        dora.add(random(random, LINEAR + ".dora_scale", 12, 1));
        Path d = LoraFiles.write(dir.resolve("d.safetensors"), dora.toArray(TensorEntry[]::new));
        Path out = dir.resolve("out.safetensors");
        assertThatThrownBy(() -> mean(out, LoraNaming.KOHYA, OptionalInt.empty(), a, d))
                .hasMessageContainingAll("d.safetensors", "DoRA", "soup lora fuse");
        assertThatThrownBy(() -> mean(out, LoraNaming.PEFT, OptionalInt.empty(), a, a))
                .hasMessageContainingAll("peft", "rank");
        Path other =
                LoraFiles.write(
                        dir.resolve("o.safetensors"),
                        LoraFiles.kohya(random, LINEAR, 2, 1, 12, 11).toArray(TensorEntry[]::new));
        assertThatThrownBy(() -> mean(out, LoraNaming.KOHYA, OptionalInt.of(2), a, other))
                .hasMessageContainingAll("o.safetensors", "[12, 11]");
        assertThat(out).doesNotExist();
    }

    /** Magnitudes of rows are those of the updated weight; half the strength is half the way. */
    @Test
    void aDoraRestoresMagnitudes() {
        List<TensorEntry> dora = LoraFiles.kohya(random, LINEAR, 2, 4, 12, 10);
        TensorEntry scale = random(random, LINEAR + ".dora_scale", 12, 1);
        dora.add(scale);
        Path d = LoraFiles.write(dir.resolve("d.safetensors"), dora.toArray(TensorEntry[]::new));
        double[] weight = random.doubles(120, -1, 1).toArray();
        try (Lora lora = Lora.open(d);
                SafetensorsFile file = SafetensorsFile.open(d)) {
            LoraLayer layer = lora.layers().getFirst();
            assertThat(layer.isDora()).isTrue();
            double[] change = layer.change(weight, new long[] {12, 10}, 1);
            double[] half = layer.change(weight, new long[] {12, 10}, 0.5);
            float[] m = file.floats(LINEAR + ".dora_scale");
            for (int row = 0; row < 12; row++) {
                double square = 0;
                for (int i = 10 * row; i < 10 * row + 10; i++) {
                    square += (weight[i] + change[i]) * (weight[i] + change[i]);
                    assertThat(half[i]).isCloseTo(change[i] / 2, within(1e-12));
                }
                assertThat(Math.sqrt(square)).isCloseTo(Math.abs(m[row]), within(1e-9));
            }
        }
    }
}
