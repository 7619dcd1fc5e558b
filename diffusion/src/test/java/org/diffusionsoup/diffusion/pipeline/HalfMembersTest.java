package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Members whose weights are held in F16 predict as the same numbers in float32 do. */
class HalfMembersTest {
    private static final UNetConfig SHAPE =
            UNetConfig.of(
                    JsonConfig.read(
                            Path.of(
                                    "src/test/resources/reference/pipelines/tiny-sd15/unet/config.json")));

    @TempDir private Path folder;

    private List<UNet2DConditionModel> members(WeightFormat format) {
        List<UNet2DConditionModel> unets = new ArrayList<>();
        for (String name : List.of("a", "b")) {
            UNet2DConditionModel unet = new UNet2DConditionModel(SHAPE, format);
            Weights.load(unet.parameters(), folder.resolve(name + ".safetensors"));
            unets.add(unet);
        }
        return unets;
    }

    private static float[] predicted(NoisePredictor predictor) {
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(5)) {
            Tensor latents = rng.normal(2, SHAPE.inChannels(), 16, 16);
            Tensor text = rng.normal(2, 77, SHAPE.crossAttentionDim());
            return predictor
                    .predict(latents, 300, new Conditioning(text, Optional.empty()))
                    .toFloatArray();
        }
    }

    @Test
    void whetherPredictionsAreAveragedByAClassifierOrWeights() {
        ShardClassifier classifier =
                new ShardClassifier(
                        new ShardClassifier.Config(SHAPE.inChannels(), 32, List.of("a", "b")));
        UNet2DConditionModel own = new UNet2DConditionModel(SHAPE);
        List<UNet2DConditionModel> all = new ArrayList<>(List.of(own));
        try (Parameters c = classifier.parameters()) {
            c.initialise(1);
            for (String name : List.of("a", "b")) {
                own.parameters().initialise(name.hashCode());
                Weights.save(
                        own.parameters(),
                        folder.resolve(name + ".safetensors"),
                        DType.F16,
                        Map.of());
            }
            List<List<float[]>> both = new ArrayList<>();
            for (WeightFormat format : List.of(WeightFormat.F32, WeightFormat.F16)) {
                List<UNet2DConditionModel> unets = members(format);
                all.addAll(unets);
                List<NoisePredictor> each = unets.stream().map(NoisePredictor::of).toList();
                List<Parameters> weights =
                        unets.stream().map(UNet2DConditionModel::parameters).toList();
                both.add(
                        List.of(
                                predicted(NoisePredictor.classified(each, classifier)),
                                predicted(NoisePredictor.resouped(own, weights, classifier))));
            }
            for (int i = 0; i < 2; i++) {
                assertThat(both.get(1).get(i)).isEqualTo(both.get(0).get(i));
            }
            assertThat(both.get(1).get(0)).isNotEqualTo(both.get(1).get(1));
        } finally {
            all.forEach(u -> u.parameters().close());
        }
    }
}
