package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextToImagePipelineTest {
    private final Golden golden = Reference.open().goldens("e2e").getFirst();
    private final TextToImagePipeline pipeline = TextToImagePipeline.load(golden.pipeline());

    @AfterEach
    void free() {
        pipeline.close();
    }

    private GenerationRequest request(List<String> prompts, List<Long> seeds) {
        SchedulerConfig ancestral =
                pipeline.scheduler().withClassName("EulerAncestralDiscreteScheduler");
        return GenerationRequest.of(prompts, 0)
                .withSeeds(seeds)
                .withSteps(3)
                .withScheduler(ancestral)
                .withGuidance(Guidance.of(3));
    }

    @Test
    void aPictureDependsOnItsSeedAndNotOnItsBatch() {
        List<String> prompts = List.of("a red cat", "a blue dog");
        GeneratedPictures both = pipeline.generate(request(prompts, List.of(7L, 8L)));
        GeneratedPictures second = pipeline.generate(request(prompts.subList(1, 2), List.of(8L)));
        GeneratedPictures other = pipeline.generate(request(prompts.subList(1, 2), List.of(9L)));
        int size = second.latents().length;
        double same = 0;
        double different = 0;
        for (int i = 0; i < size; i++) {
            float expected = both.latents()[size + i];
            same = Math.max(same, Math.abs(expected - second.latents()[i]));
            different = Math.max(different, Math.abs(expected - other.latents()[i]));
        }
        assertThat(same).isLessThan(1e-3);
        assertThat(different).isGreaterThan(0.1);
    }

    @Test
    void theSameRequestGivesTheSameBytes() {
        GenerationRequest r = request(List.of("a red cat"), List.of(7L));
        assertThat(pipeline.generate(r).pixels()).isEqualTo(pipeline.generate(r).pixels());
    }

    @Test
    void anEnsembleIsTheWeightedMeanOfItsMembersAtEveryCall() {
        NoisePredictor a = (x, t, c) -> x.mul(2).add(t);
        NoisePredictor b = (x, t, c) -> x.neg();
        try (Scope scope = Scope.open();
                Rng rng = new Rng(1)) {
            Tensor x = rng.normal(2, 4, 3, 3);
            Conditioning none = new Conditioning(x, Optional.empty());
            float[] in = x.toFloatArray();
            float[] mean =
                    NoisePredictor.ensemble(List.of(a, b)).predict(x, 5, none).toFloatArray();
            float[] weighted =
                    NoisePredictor.ensemble(List.of(a, b), new double[] {0.25, 0.75})
                            .predict(x, 5, none)
                            .toFloatArray();
            for (int i = 0; i < in.length; i++) {
                assertThat(mean[i]).isEqualTo(0.5f * in[i] + 2.5f, within());
                assertThat(weighted[i]).isEqualTo(-0.25f * in[i] + 1.25f, within());
            }
        }
        assertThatThrownBy(() -> NoisePredictor.ensemble(List.of(a, b), new double[] {0.5, 0.6}))
                .isInstanceOf(PipelineException.class)
                .hasMessageContaining("summing to 1");
    }

    private static Offset<Float> within() {
        return Offset.offset(1e-5f);
    }

    @Test
    void aDenoiserIsExchangedForAnEnsembleOfItself() {
        List<Integer> rows = new ArrayList<>();
        NoisePredictor flat =
                (x, t, c) -> {
                    rows.add((int) x.size(0));
                    return x.mul(0.1);
                };
        GenerationRequest r = request(List.of("a red cat"), List.of(7L));
        GeneratedPictures alone = pipeline.withDenoiser(flat).generate(r);
        assertThat(rows).containsOnly(2); // guidance asks for both predictions at once
        rows.clear();
        pipeline.withDenoiser(flat).generate(r.withGuidance(Guidance.of(1)));
        assertThat(rows).containsOnly(1);
        NoisePredictor three = NoisePredictor.ensemble(List.of(flat, flat, flat));
        float[] ensemble = pipeline.withDenoiser(three).generate(r).latents();
        for (int i = 0; i < ensemble.length; i++) {
            assertThat(ensemble[i]).isEqualTo(alone.latents()[i], within());
        }
    }

    @Test
    void refusesWhatDoesNotFit(@TempDir Path empty) {
        GenerationRequest r = request(List.of("a red cat"), List.of(7L));
        assertThatThrownBy(() -> pipeline.generate(r.withSize(63, 64)))
                .isInstanceOf(PipelineException.class)
                .hasMessageContaining("multiples of");
        assertThatThrownBy(() -> r.withSeeds(List.of()))
                .isInstanceOf(PipelineException.class)
                .hasMessageContaining("1 prompts need as many seeds");
        assertThatThrownBy(() -> TextToImagePipeline.load(empty))
                .isInstanceOf(PipelineException.class)
                .hasMessageContaining("model_index.json");
    }
}
