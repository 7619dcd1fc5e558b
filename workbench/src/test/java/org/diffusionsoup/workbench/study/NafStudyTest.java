package org.diffusionsoup.workbench.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Proposition 3 in the plane, and on tiny pipelines whose divergence is known. */
class NafStudyTest {
    private static final int STEPS = 5;

    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @Test
    void estimatesAreNearTheClosedForms() throws IOException {
        NafResults r =
                new NafStudy(300, 0, Progress.silent()).run(temp.resolve("naf"), Optional.empty());
        assertThat(r.models()).isNull();
        for (NafResults.Case c : r.cases()) {
            assertThat(c.sum())
                    .isCloseTo(
                            c.safe().get(0).quadrature() + c.safe().get(1).quadrature(),
                            within(1e-12));
            for (NafResults.Safe s : c.safe()) {
                if (s.closedForm() != null) {
                    assertThat(s.quadrature()).isCloseTo(s.closedForm(), within(1e-6));
                }
            }
        }
        NafResults.Safe one = r.cases().getFirst().safe().getFirst();
        double closed = 4.25 / 8 / 0.4; // an eighth of the squared distance over the variance
        assertThat(one.closedForm()).isCloseTo(closed, within(1e-12));
        assertThat(one.path().estimate()).isCloseTo(closed, within(0.005 * closed));
        assertThat(one.bounded()).isFalse();
        NafResults.Case nested = r.cases().getLast();
        assertThat(nested.safe().getFirst().bounded()).isTrue();
        assertThat(Objects.requireNonNull(nested.safe().getFirst().maxDivergence()))
                .isGreaterThan(nested.safe().getFirst().quadrature());
        assertThat(nested.safe().getLast().maxDivergence()).isNull();

        String bytes = Files.readString(temp.resolve("naf/naf.json"));
        new NafStudy(300, 0, Progress.silent()).run(temp.resolve("naf"), Optional.empty());
        assertThat(Files.readString(temp.resolve("naf/naf.json"))).isEqualTo(bytes);
        assertThatThrownBy(() -> new NafStudy(99, 0, Progress.silent()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("--samples must be at least 100");
    }

    /**
     * Two models whose predictions differ by a constant wherever they are: the divergence is a sum
     * over the steps alone, Σ |μ - μ'|² / 2v with means and variances written out.
     */
    @ParameterizedTest
    @ValueSource(strings = {"tiny-sd15", "tiny-sd21"})
    void aConstantDifferenceHasAKnownDivergence(String name) throws IOException {
        Path soup = TinyIngredients.base(name);
        Path safe =
                TinyIngredients.moved(
                        soup, temp.resolve("safe"), TinyIngredients.shifted(0.3f, -0.1f, 0, 0));
        Shard shard = TinyIngredients.shard(temp.resolve("rows.tar"), 3);
        ModelNaf naf = new ModelNaf(soup, safe, shard, new ModelNaf.Sampling(2, 3, STEPS, 0));
        NafResults.OfModels measured = naf.measure(Progress.silent());
        double expected = 0;
        long positions;
        try (StableDiffusion model = StableDiffusion.load(soup)) {
            int side = model.unet().config().sampleSize();
            positions = (long) side * side;
            NoiseTable table = model.scheduler().table();
            boolean velocity = name.equals("tiny-sd21");
            for (int t = 199; t < 1000; t += 200) {
                double now = table.alphaCumprod(t);
                double before = t == 199 ? 1 : table.alphaCumprod(t - 200);
                double variance = 1 - now / before;
                double noise = velocity ? Math.sqrt(now) : 1;
                for (double shift : new double[] {0.3, 0.1}) {
                    double mean =
                            variance * noise * shift / Math.sqrt(1 - now) / Math.sqrt(now / before);
                    expected += positions * mean * mean / 2 / variance;
                }
            }
        }
        assertThat(measured.values()).isEqualTo(4 * positions);
        assertThat(measured.path().estimate()).isCloseTo(expected, within(1e-3 * expected));
        assertThat(measured.prompts()).hasSize(2);
        assertThat(measured.prompts().getFirst().path())
                .isCloseTo(expected, within(1e-3 * expected));

        ModelNaf same = new ModelNaf(soup, soup, shard, new ModelNaf.Sampling(2, 1, STEPS, 0));
        assertThat(same.measure(Progress.silent()).path().estimate()).isZero();
    }
}
