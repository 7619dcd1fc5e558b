package org.diffusionsoup.diffusion.lora;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.tensor.Elements;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Weights with LoRAs in them, and sums of two LoRAs, against the reference. */
class LoraFusedGoldenTest {
    private static final String FUSED = "/fused";

    @TestFactory
    Stream<DynamicTest> fused() {
        return Reference.each("lora", LoraFusedGoldenTest::fused);
    }

    private static List<DynamicTest> fused(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        for (String prefix : prefixes(g, FUSED)) {
            int at = prefix.indexOf(FUSED);
            String file = prefix.substring(0, at);
            double strength = Double.parseDouble(prefix.substring(at + FUSED.length()));
            tests.add(
                    DynamicTest.dynamicTest(
                            g.name() + " " + prefix,
                            () -> {
                                try (LoraCase c = new LoraCase(g)) {
                                    List<LoraFusion.Term> terms =
                                            List.of(new LoraFusion.Term(c.lora(file), strength));
                                    var parts = LoraFusion.of(c.base().parts(), terms);
                                    check(g, prefix + "/", parts);
                                }
                            }));
        }
        return tests;
    }

    private static void check(Golden g, String prefix, Map<String, ? extends TensorSource> parts) {
        List<String> names = g.tensorsUnder(prefix);
        assertThat(names).isNotEmpty();
        for (String name : names) {
            var at = LoraCase.split(name);
            TensorSource part = Objects.requireNonNull(parts.get(at.getKey()));
            TensorInfo info = part.tensor(at.getValue());
            g.assertClose(
                    prefix + name, LoraDeltaGoldenTest.floats(values(part, info)), info.shape());
        }
    }

    private static List<String> prefixes(Golden g, String word) {
        return g.tensors().stream()
                .filter(n -> n.contains(word))
                .map(n -> n.substring(0, n.lastIndexOf('/')))
                .distinct()
                .toList();
    }

    private static double[] values(TensorSource part, TensorInfo info) {
        double[] values = new double[Math.toIntExact(info.elements())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(info.byteSize(), 8);
            part.read(info.name(), 0, data);
            Elements.decode(info.dtype(), data, values, values.length);
        }
        return values;
    }

    /** A DoRA's magnitudes are those of the updated weight, and are restored. */
    @TestFactory
    Stream<DynamicTest> dora() {
        return Reference.each(
                "lycoris",
                g -> {
                    List<DynamicTest> tests = new ArrayList<>();
                    for (String prefix : prefixes(g, "/weight/")) {
                        String file = prefix.substring(0, prefix.indexOf('/'));
                        tests.add(
                                DynamicTest.dynamicTest(
                                        g.name() + " " + prefix,
                                        () -> {
                                            try (LoraCase c = new LoraCase(g)) {
                                                var terms =
                                                        List.of(
                                                                new LoraFusion.Term(
                                                                        c.lora(file), 1));
                                                check(
                                                        g,
                                                        prefix + "/",
                                                        LoraFusion.of(c.base().parts(), terms));
                                            }
                                        }));
                    }
                    return tests;
                });
    }

    /** The sum of two LoRAs is that of their products, far from what a mean of factors gives. */
    @TestFactory
    Stream<DynamicTest> sums() {
        return Reference.each("lora", LoraFusedGoldenTest::sums);
    }

    private static List<DynamicTest> sums(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        for (Map.Entry<String, JsonNode> run : g.manifest().path("runs").properties()) {
            String prefix = run.getKey() + "/delta/";
            if (!g.tensorsUnder(prefix).isEmpty()) {
                tests.add(
                        DynamicTest.dynamicTest(
                                g.name() + " " + prefix, () -> sum(g, prefix, run.getValue())));
            }
        }
        return tests;
    }

    private static void sum(Golden g, String prefix, JsonNode run) {
        try (LoraCase c = new LoraCase(g)) {
            List<LoraFusion.Term> terms = c.terms(run.path("terms"));
            for (String name : g.tensorsUnder(prefix)) {
                double[] sum = new double[0];
                long[] shape = g.shape(prefix + name);
                for (LoraFusion.Term term : terms) {
                    double[] delta =
                            term.lora().layers().stream()
                                    .filter(l -> l.target().toString().equals(name))
                                    .findFirst()
                                    .orElseThrow()
                                    .change(new double[0], shape, term.strength());
                    sum = sum.length == 0 ? new double[delta.length] : sum;
                    for (int i = 0; i < sum.length; i++) {
                        sum[i] += delta[i];
                    }
                }
                float[] made = LoraDeltaGoldenTest.floats(sum);
                g.assertClose(prefix + name, made, shape);
                for (String wrong : List.of("factor_average", "peft_linear")) {
                    float[] other = g.floats(wrong + "/delta/" + name);
                    assertThat(largestDifference(made, other))
                            .as(wrong + " " + name)
                            .isGreaterThan(1000 * g.atol(prefix + name));
                }
            }
        }
    }

    private static double largestDifference(float[] a, float[] b) {
        assertThat(a.length).isEqualTo(b.length);
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs((double) a[i] - b[i]));
        }
        assertThat(Arrays.equals(a, b)).isFalse();
        return most;
    }
}
