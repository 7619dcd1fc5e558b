package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The head's layers against a plain run through them, on the tiny CLIP's embeddings. */
class AestheticJudgeTest {
    private static final int[] WIDTHS = {1024, 128, 64, 16, 1};
    private static final int[] PLACES = {0, 2, 4, 6, 7};

    private static final Path REFERENCE =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference");

    private final Map<String, float[]> tensors = new HashMap<>();

    @TempDir private Path dir;

    private static Path clip() throws IOException {
        try (Stream<Path> models = Files.list(REFERENCE.resolve("clip"))) {
            return models.filter(f -> Files.exists(f.resolve("config.json")))
                    .sorted()
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static List<Picture> pictures() throws IOException {
        try (Stream<Path> files = Files.list(REFERENCE.resolve("clip/images"))) {
            return files.sorted().map(Picture::read).toList();
        }
    }

    private void layer(List<TensorEntry> out, String prefix, int in, int width, long seed) {
        var random = new SplittableRandom(seed);
        float[] weight = new float[in * width];
        float[] bias = new float[width];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) (random.nextGaussian() / Math.sqrt(in));
        }
        for (int i = 0; i < width; i++) {
            bias[i] = (float) random.nextGaussian();
        }
        tensors.put(prefix + "weight", weight);
        tensors.put(prefix + "bias", bias);
        out.add(entry(prefix + "weight", weight, width, in));
        out.add(entry(prefix + "bias", bias, width));
    }

    private static TensorEntry entry(String name, float[] values, long... shape) {
        return new TensorEntry(name, DType.F32, shape, TensorBytes.of(values));
    }

    private double[] apply(String prefix, double[] x) {
        float[] weight = tensors.get(prefix + "weight");
        float[] bias = tensors.get(prefix + "bias");
        double[] out = new double[bias.length];
        for (int o = 0; o < out.length; o++) {
            out[o] = bias[o];
            for (int i = 0; i < x.length; i++) {
                out[o] += weight[o * x.length + i] * x[i];
            }
        }
        return out;
    }

    private Path five(int in) {
        List<TensorEntry> entries = new ArrayList<>();
        int width = in;
        for (int i = 0; i < WIDTHS.length; i++) {
            layer(entries, "layers." + PLACES[i] + ".", width, WIDTHS[i], i);
            width = WIDTHS[i];
        }
        Path file = dir.resolve("sac+logos+ava1-l14-linearMSE.safetensors");
        SafetensorsWriter.write(file, Map.of(), entries);
        return file;
    }

    private Path one(int in) {
        List<TensorEntry> entries = new ArrayList<>();
        layer(entries, "", in, 1, 11);
        Path file = dir.resolve("linear.safetensors");
        SafetensorsWriter.write(file, Map.of(), entries);
        return file;
    }

    @Test
    void fiveLayersAndOneGiveWhatTheirLayersGive() throws IOException {
        List<Picture> pictures = pictures();
        List<String> captions = pictures.stream().map(p -> "").toList();
        double[][] embeddings;
        try (ClipJudge plain = ClipJudge.load(clip(), ClipConvention.RAW_COSINE)) {
            embeddings = plain.embedPictures(pictures);
        }
        int width = embeddings[0].length;
        List<Judge> judges = new ArrayList<>();
        try (AestheticJudge judge = AestheticJudge.load(clip(), five(width))) {
            judges.add(judge.judge());
            double[] scores = judge.score(pictures, captions);
            for (int p = 0; p < scores.length; p++) {
                double[] x = embeddings[p];
                for (int place : PLACES) {
                    x = apply("layers." + place + ".", x);
                }
                assertThat(scores[p]).isCloseTo(x[0], within(1e-9));
            }
        }
        try (AestheticJudge judge = AestheticJudge.load(clip(), one(width))) {
            judges.add(judge.judge());
            double[] scores = judge.score(pictures, captions);
            for (int p = 0; p < scores.length; p++) {
                assertThat(scores[p]).isCloseTo(apply("", embeddings[p])[0], within(1e-9));
            }
        }
        // Another head is another judge.
        assertThat(judges.get(0).weightsSha256()).isNotEqualTo(judges.get(1).weightsSha256());
        assertThatThrownBy(() -> judges.get(0).requireSame(judges.get(1)))
                .isInstanceOf(EvalException.class);
    }

    @Test
    void aHeadInAFolderHasOneNameByEitherForm() throws IOException {
        int width;
        try (ClipJudge plain = ClipJudge.load(clip(), ClipConvention.RAW_COSINE)) {
            width = plain.width();
        }
        Path folder = Files.createDirectory(dir.resolve("my-head"));
        Files.copy(one(width), folder.resolve("model.safetensors"));
        try (AestheticJudge byFolder = AestheticJudge.load(clip(), folder);
                AestheticJudge byFile =
                        AestheticJudge.load(clip(), folder.resolve("model.safetensors"));
                AestheticJudge other = AestheticJudge.load(clip(), one(width))) {
            assertThat(byFile.judge()).isEqualTo(byFolder.judge());
            assertThat(byFile.judge().name()).startsWith("aesthetic my-head on ");
            assertThat(other.judge().name()).startsWith("aesthetic linear.safetensors on ");
        }
    }

    @Test
    void aHeadOfAnotherWidthAndOtherFilesAreRefused() throws IOException {
        Path clip = clip();
        Path wide = one(4321);
        assertThatThrownBy(() -> AestheticJudge.load(clip, wide))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("takes embeddings of 4321 numbers");
        Path other = dir.resolve("other.safetensors");
        SafetensorsWriter.write(other, Map.of(), List.of(entry("x", new float[] {1}, 1)));
        assertThatThrownBy(() -> AestheticJudge.load(clip, other))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("other.safetensors is no aesthetic head");
    }
}
