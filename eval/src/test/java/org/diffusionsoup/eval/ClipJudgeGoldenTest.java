package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.image.ImagePreprocessor;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The judge's cosines and embeddings against openai/CLIP's, from the reference's {@code clip}. */
class ClipJudgeGoldenTest {
    private final Path reference = reference();
    private Path folder = reference;
    private JsonNode manifest = new ObjectMapper().nullNode();
    private SafetensorsFile goldens;
    private ClipJudge judge;

    /** The folder that {@code -Dreference.dir=} names, else the project's copy. */
    private static Path reference() {
        String named = System.getProperty("reference.dir", "");
        Path module = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
        if (named.isBlank()) {
            return module.resolveSibling("diffusion/src/test/resources/reference");
        }
        Path inModule = module.resolve(named);
        return Files.isDirectory(inModule) ? inModule : module.resolveSibling(named);
    }

    @BeforeEach
    void open() throws IOException {
        Path tensors = reference.resolve("goldens/clip.safetensors");
        boolean own = System.getProperty("reference.dir", "").isBlank();
        Assumptions.assumeTrue(own || Files.exists(tensors), tensors + " is not there");
        try (Stream<Path> models = Files.list(reference.resolve("clip"))) {
            folder =
                    models.filter(f -> Files.exists(f.resolve("config.json")))
                            .sorted()
                            .findFirst()
                            .orElseThrow();
        }
        manifest = new ObjectMapper().readTree(reference.resolve("goldens/clip.json").toFile());
        goldens = SafetensorsFile.open(tensors);
        judge = ClipJudge.load(folder, ClipConvention.RAW_COSINE);
    }

    @AfterEach
    void close() {
        if (judge != null) {
            judge.close();
            goldens.close();
        }
    }

    @Test
    void cosinesOfPixelsAndPromptsAreTheReferencesLogitsOverTheirScale() {
        double scale = scale();
        long[] shape = goldens.tensor("logits_per_image").shape();
        float[] logits = goldens.floats("logits_per_image");
        double[][] cosines = ClipJudge.cosines(goldenImages(), judge.embedTexts(prompts()));
        assertThat(cosines).hasNumberOfRows((int) shape[0]);
        for (int i = 0; i < shape[0]; i++) {
            assertThat(cosines[i]).hasSize((int) shape[1]);
            for (int j = 0; j < shape[1]; j++) {
                assertThat(cosines[i][j])
                        .as("picture %d, prompt '%s'", i, prompts().get(j))
                        .isCloseTo(
                                logits[(int) (i * shape[1] + j)] / scale,
                                within(atol("logits_per_image") / scale));
            }
        }
    }

    @Test
    void embeddingsAreTheReferencesFeaturesOverTheirNorm() {
        assertUnit("image_features", goldenImages());
        assertUnit("text_features", judge.embedTexts(prompts()));
    }

    @Test
    void aPictureFileIsPreprocessedAsTheFolderSays() throws IOException {
        try (Stream<Path> files = Files.list(reference.resolve("clip/images"))) {
            List<Picture> pictures = files.sorted().map(Picture::read).toList();
            assertThat(pictures).isNotEmpty();
            var plain = ImagePreprocessor.load(folder, ImagePreprocessor.Order.HUGGING_FACE);
            List<double[]> expected = new ArrayList<>();
            pictures.forEach(p -> judge.embed(plain.preprocess(p), expected));
            double[][] actual = judge.embedPictures(pictures);
            for (int i = 0; i < actual.length; i++) {
                assertThat(actual[i]).containsExactly(expected.get(i), within(1e-5));
            }
        }
    }

    @Test
    void batchesGiveWhatSinglePicturesGive() {
        List<Picture> pictures = noise(70);
        List<String> captions = new ArrayList<>();
        for (int i = 0; i < 70; i++) {
            captions.add("a photo of thing number " + i);
        }
        double[] together = judge.score(pictures, captions);
        double[][] all = judge.cosines(pictures, captions);
        for (int i : new int[] {0, 63, 64, 69}) {
            double alone = judge.score(List.of(pictures.get(i)), List.of(captions.get(i)))[0];
            assertThat(together[i]).isCloseTo(alone, within(1e-5));
            assertThat(all[i][i]).isEqualTo(together[i]);
        }
    }

    @Test
    void conventionsScaleTheSameCosine() {
        List<Picture> pictures = noise(8);
        List<String> captions = java.util.Collections.nCopies(8, "a dog");
        double[] raw = judge.score(pictures, captions);
        try (ClipJudge hundred = ClipJudge.load(folder, ClipConvention.TIMES_100)) {
            double[] scaled = hundred.score(pictures, captions);
            for (int i = 0; i < raw.length; i++) {
                assertThat(scaled[i]).isCloseTo(100 * Math.max(raw[i], 0), within(1e-9));
            }
            assertThat(hundred.judge()).isNotEqualTo(judge.judge());
            assertThat(hundred.judge().weightsSha256()).isEqualTo(judge.judge().weightsSha256());
        }
    }

    @Test
    void aLongCaptionIsCutWithItsEndTokenKept() {
        String beginning = "a dog ".repeat(200);
        assertThat(judge.isCut(beginning)).isTrue();
        assertThat(judge.isCut("a dog")).isFalse();
        // What stands behind the cut cannot matter, what stands before it does.
        assertThat(judge.embedTexts(List.of(beginning + "in the sea"))[0])
                .containsExactly(judge.embedTexts(List.of(beginning))[0], within(1e-6));
        double[][] two = judge.embedTexts(List.of(beginning, "cat " + beginning));
        assertThat(ClipJudge.cosines(two, two)[0][1]).isLessThan(0.9999);
    }

    @Test
    void scoresOfAModelNameTheirJudge() {
        List<Picture> pictures = noise(6);
        ScoreSet set =
                judge.score(
                        "soup",
                        List.of("a dog", "a cat"),
                        List.of(pictures.subList(0, 3), pictures.subList(3, 6)));
        assertThat(set.judge()).isEqualTo(judge.judge());
        assertThat(set.seeds()).isEqualTo(3);
        assertThat(set.values().get(1).get(2))
                .isCloseTo(
                        judge.score(List.of(pictures.get(5)), List.of("a cat"))[0], within(1e-5));
        assertThat(judge.judge().convention()).contains("raw cosine").contains("tokens");
        assertThatThrownBy(() -> judge.score("soup", List.of("a dog"), List.of()))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("'soup'");
        assertThatThrownBy(() -> judge.score(pictures, List.of("a dog")))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("6 pictures");
    }

    @Test
    void aFolderThatIsNoClipIsNamed(@TempDir Path empty) {
        assertThatThrownBy(() -> ClipJudge.load(empty, ClipConvention.RAW_COSINE))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("config.json");
    }

    private void assertUnit(String tensor, double[][] actual) {
        float[] features = goldens.floats(tensor);
        int width = (int) goldens.tensor(tensor).shape()[1];
        for (int i = 0; i < actual.length; i++) {
            double norm = 0;
            for (int j = 0; j < width; j++) {
                norm += (double) features[i * width + j] * features[i * width + j];
            }
            norm = Math.sqrt(norm);
            for (int j = 0; j < width; j++) {
                // Two errors of at most atol each, one in the entry and one in the norm.
                assertThat(actual[i][j])
                        .as("%s %d, %d", tensor, i, j)
                        .isCloseTo(features[i * width + j] / norm, within(2 * atol(tensor) / norm));
            }
        }
        assertThat(actual).hasNumberOfRows((int) goldens.tensor(tensor).shape()[0]);
    }

    private double[][] goldenImages() {
        List<double[]> rows = new ArrayList<>();
        long[] shape = goldens.tensor("pixel_values").shape();
        judge.embed(new PixelTensor(goldens.floats("pixel_values"), shape), rows);
        return rows.toArray(double[][]::new);
    }

    private List<String> prompts() {
        List<String> prompts = new ArrayList<>();
        manifest.path("prompts").forEach(p -> prompts.add(p.asText()));
        return prompts;
    }

    private double atol(String tensor) {
        return manifest.path("tensors").path(tensor).path("atol").asDouble(1e-5);
    }

    private double scale() {
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            return Math.exp(weights.floats("logit_scale")[0]);
        }
    }

    private static List<Picture> noise(int count) {
        SplittableRandom random = new SplittableRandom(12);
        List<Picture> pictures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] samples = new byte[3 * 40 * 36];
            random.nextBytes(samples);
            pictures.add(Picture.rgb(40, 36, samples));
        }
        return pictures;
    }
}
