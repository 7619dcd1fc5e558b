package org.diffusionsoup.diffusion.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFuser;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.lora.LoraMaker;
import org.diffusionsoup.core.lora.LoraNaming;
import org.diffusionsoup.core.lora.LoraOutput;
import org.diffusionsoup.core.lora.MadeLora;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Means of the reference's LoRAs: of products, never of factors; and differences taken back. */
class LoraMergeGoldenTest {
    private static final int ENOUGH = 64;

    @TempDir private Path dir;

    @TestFactory
    Stream<DynamicTest> means() {
        return Reference.each(
                "lora",
                g -> {
                    List<DynamicTest> tests = new ArrayList<>();
                    for (Map.Entry<String, JsonNode> run : g.manifest().path("runs").properties()) {
                        if (!g.tensorsUnder(run.getKey() + "/delta/").isEmpty()) {
                            tests.add(
                                    DynamicTest.dynamicTest(
                                            g.name() + " " + run.getKey(),
                                            () -> mean(g, run.getKey(), run.getValue())));
                        }
                    }
                    return tests;
                });
    }

    /** The run's strengths sum to 1, so its sum of products is a weighted mean. */
    private void mean(Golden g, String run, JsonNode about) {
        Path folder = dir.resolve(g.name().replace('/', '-'));
        try (LoraCase c = new LoraCase(g)) {
            List<LoraFusion.Term> terms = c.terms(about.path("terms"));
            for (OptionalInt rank : List.of(OptionalInt.empty(), OptionalInt.of(ENOUGH))) {
                Path out = folder.resolve("mean" + rank.orElse(0) + ".safetensors");
                MadeLora made = maker(out).mean(terms, rank);
                assertThat(made.relativeError()).isLessThan(1e-6);
                Map<String, double[]> deltas = new TreeMap<>();
                try (Lora lora = Lora.open(out, c.base().parts())) {
                    lora.layers().forEach(l -> deltas.put(l.target().toString(), l.delta()));
                }
                for (String name : g.tensorsUnder(run + "/delta/")) {
                    String tensor = run + "/delta/" + name;
                    float[] delta =
                            LoraDeltaGoldenTest.floats(deltas.getOrDefault(name, new double[0]));
                    // Factors rounded to float32 add an error of the order of float32's.
                    double atol = g.atol(tensor) + (rank.isEmpty() ? 0 : 2e-6);
                    g.assertClose(tensor, delta, atol, g.shape(tensor));
                    for (String wrong : List.of("factor_average", "peft_linear")) {
                        float[] other = g.floats(wrong + "/delta/" + name);
                        double most = 0;
                        for (int i = 0; i < other.length; i++) {
                            most = Math.max(most, Math.abs(other[i] - delta[i]));
                        }
                        assertThat(most).as(wrong + " " + name).isGreaterThan(1000 * atol);
                    }
                }
            }
        }
    }

    private static LoraMaker maker(Path out) {
        return new LoraMaker(
                new LoraOutput(out, false, LoraNaming.KOHYA, DType.F32), SoupProgress.NONE);
    }

    /** What was put into a model comes out of it again, but for the model's rounding. */
    @TestFactory
    Stream<DynamicTest> differences() {
        return Reference.each(
                "lora",
                g -> List.of(DynamicTest.dynamicTest(g.name() + " extract", () -> difference(g))));
    }

    private void difference(Golden g) {
        String file = LoraCase.files(g).getFirst();
        Path folder = dir.resolve("extract-" + g.name().replace('/', '-'));
        Path out = folder.resolve("lora.safetensors");
        Path fused = folder.resolve("fused");
        try (LoraCase c = new LoraCase(g)) {
            Lora lora = c.lora(file);
            LoraFuser.write(
                    c.base(),
                    List.of(new LoraFusion.Term(lora, 1)),
                    CheckpointWriter.DEFAULT,
                    fused,
                    SoupProgress.NONE);
            MadeLora made;
            try (Checkpoint tuned = Checkpoint.open(fused)) {
                made = maker(out).difference(c.base(), tuned, 6, false);
            }
            assertThat(made.notes()).isEmpty();
            assertThat(made.relativeError()).isLessThan(1e-6);
            assertThat(made.layers()).hasSameSizeAs(lora.layers());
            try (Lora back = Lora.open(out, c.base().parts())) {
                for (int i = 0; i < back.layers().size(); i++) {
                    assertThat(back.layers().get(i).target())
                            .isEqualTo(lora.layers().get(i).target());
                    double[] a = lora.layers().get(i).delta();
                    double[] b = back.layers().get(i).delta();
                    for (int k = 0; k < a.length; k++) {
                        assertThat(b[k]).isCloseTo(a[k], within(3e-6));
                    }
                }
            }
        }
    }
}
