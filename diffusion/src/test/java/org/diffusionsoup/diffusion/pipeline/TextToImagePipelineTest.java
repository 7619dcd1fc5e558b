package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextToImagePipelineTest {
    private final TextToImagePipeline pipeline =
            TextToImagePipeline.load(Reference.open().goldens("e2e").getFirst().pipeline());
    private Scope scope;

    /** Tiny tensors: a second thread only waits, and for long where the machine is busy. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void free() {
        scope.close();
        pipeline.close();
    }

    private SamplingOptions options(double guidance) {
        return new SamplingOptions(
                3, guidance, 0, "", pipeline.nativeSize(), pipeline.nativeSize());
    }

    /** The last latents, with a scheduler that draws noise at every step. */
    private static float[] latents(
            TextToImagePipeline p, List<String> prompts, SamplingOptions o, long... seeds) {
        List<float[]> seen = new ArrayList<>();
        var ancestral = p.scheduler().withClassName("EulerAncestralDiscreteScheduler");
        p.with(ancestral).generate(prompts, seeds, o, (i, x) -> seen.add(x.toFloatArray()));
        assertThat(seen).hasSize(o.steps());
        return seen.getLast();
    }

    private static double distance(float[] a, int from, float[] b) {
        double worst = 0;
        for (int i = 0; i < b.length; i++) {
            worst = Math.max(worst, Math.abs(a[from + i] - b[i]));
        }
        return worst;
    }

    @Test
    void aPictureDependsOnItsSeedAndNotOnItsBatch() {
        List<String> prompts = List.of("a red cat", "a blue dog");
        float[] both = latents(pipeline, prompts, options(3), 7, 8);
        float[] second = latents(pipeline, prompts.subList(1, 2), options(3), 8);
        float[] other = latents(pipeline, prompts.subList(1, 2), options(3), 9);
        assertThat(distance(both, second.length, second)).isLessThan(1e-3);
        assertThat(distance(both, second.length, other)).isGreaterThan(0.1);
    }

    @Test
    void theSameRequestGivesTheSameBytes() {
        List<String> prompt = List.of("a red cat");
        Tensor once = pipeline.generate(prompt, new long[] {7}, options(3));
        Tensor again = pipeline.generate(prompt, new long[] {7}, options(3));
        assertThat(TextToImagePipeline.toBytes(once))
                .isDeepEqualTo(TextToImagePipeline.toBytes(again));
    }

    @Test
    void anEnsembleIsTheWeightedMeanOfItsMembers() {
        NoisePredictor a = (x, t, c) -> x.mul(2).add(t);
        NoisePredictor b = (x, t, c) -> x.neg();
        try (Rng rng = new Rng(1)) {
            Tensor x = rng.normal(2, 4, 3, 3);
            Conditioning none = new Conditioning(x, Optional.empty());
            float[] in = x.toFloatArray();
            float[] weighted =
                    NoisePredictor.weighted(List.of(a, b), new double[] {0.25, 0.75})
                            .predict(x, 5, none)
                            .toFloatArray();
            for (int i = 0; i < in.length; i++) {
                assertThat(weighted[i]).isEqualTo(-0.25f * in[i] + 1.25f, offset(1e-5f));
            }
        }
        assertThatThrownBy(() -> NoisePredictor.weighted(List.of(a, b), new double[] {0.5, 0.6}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("summing to 1");
    }

    @Test
    void guidanceCallsTheDenoiserOnceForBothPredictionsAndItsAbsenceOnceForOne() {
        List<Long> rows = new ArrayList<>();
        NoisePredictor flat =
                (x, t, c) -> {
                    rows.add(x.size(0));
                    assertThat(c.text().size(0)).isEqualTo(x.size(0));
                    return x.mul(0.1);
                };
        List<String> prompt = List.of("a red cat");
        float[] alone = latents(pipeline.with(flat), prompt, options(3), 7);
        assertThat(rows).containsExactly(2L, 2L, 2L);
        rows.clear();
        latents(pipeline.with(flat), prompt, options(1), 7);
        assertThat(rows).containsExactly(1L, 1L, 1L);
        double third = 1.0 / 3;
        NoisePredictor three =
                NoisePredictor.weighted(
                        List.of(flat, flat, flat), new double[] {third, third, third});
        float[] ensemble = latents(pipeline.with(three), prompt, options(3), 7);
        assertThat(distance(alone, 0, ensemble)).isLessThan(1e-4);
    }

    @Test
    void refusesWhatDoesNotFit(@TempDir Path empty) {
        SamplingOptions odd = new SamplingOptions(3, 1, 0, "", 63, 64);
        assertThatThrownBy(() -> pipeline.generate(List.of("a cat"), new long[] {1}, odd))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("must be divisible by");
        assertThatThrownBy(() -> pipeline.generate(List.of("a cat"), new long[0], options(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 prompts need as many seeds");
        assertThatThrownBy(() -> TextToImagePipeline.load(empty))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("model_index.json");
    }
}
