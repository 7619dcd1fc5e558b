package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.generate.GenerateRequest.Ensemble;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several models that draw a picture together (paper, Eq. 5). */
class EnsembleTest {
    @TempDir private static Path dir;

    private static final GenerateSettings SETTINGS =
            new GenerateSettings(3, 4, "", Optional.of(Sampler.DDIM), Optional.empty(), 2);

    private static Path one;
    private static Path two;
    private static Path up;
    private static Path down;

    @BeforeAll
    static void makeModels() {
        one = TinyModels.moved(dir.resolve("one"), TinyModels.jittered(1));
        two = TinyModels.moved(dir.resolve("two"), TinyModels.jittered(2));
        up = TinyModels.moved(dir.resolve("up"), TinyModels.shifted(0.3));
        down = TinyModels.moved(dir.resolve("down"), TinyModels.shifted(-0.1));
    }

    private static List<RgbImage> draw(Generator g) {
        try (g) {
            return g.pictures(List.of("a red cat", "a boat"), List.of(1L, 2L), Progress.silent());
        }
    }

    private static List<RgbImage> draw(Path model) {
        return draw(Generator.open(model, SETTINGS));
    }

    private static List<RgbImage> draw(List<Path> models, List<Double> weights) {
        return draw(Generator.ensemble(models, weights, false, SETTINGS));
    }

    @Test
    void anEnsembleOfOneIsTheModel() {
        assertThat(draw(List.of(one), List.of(1.0))).isEqualTo(draw(one));
    }

    @Test
    void anEnsembleOfCopiesIsTheModelWhateverTheWeights() {
        List<RgbImage> model = draw(one);
        Path copy = TinyModels.copy(one, dir.resolve("copy"));
        assertThat(TinyModels.difference(draw(List.of(one, copy), List.of(0.5, 0.5)), model))
                .isLessThanOrEqualTo(1);
        assertThat(TinyModels.difference(draw(List.of(one, copy), List.of(0.9, 0.1)), model))
                .isLessThanOrEqualTo(1);
    }

    /** Predictions that are 0.3 too high by a quarter and 0.1 too low by three quarters. */
    @Test
    void weighedErrorsCancel() {
        List<RgbImage> base = draw(TinyModels.sd15());
        assertThat(TinyModels.difference(draw(List.of(up, down), List.of(0.25, 0.75)), base))
                .isLessThanOrEqualTo(1);
        assertThat(TinyModels.difference(draw(List.of(up, down), List.of(0.5, 0.5)), base))
                .as("equal weights leave 0.1 of it")
                .isGreaterThan(3);
    }

    @Test
    void theOrderOfTheMembersChangesNothingButTheirNames() {
        assertThat(
                        TinyModels.difference(
                                draw(List.of(one, two), List.of(0.3, 0.7)),
                                draw(List.of(two, one), List.of(0.7, 0.3))))
                .isLessThanOrEqualTo(1);
    }

    @Test
    void anEnsembleLiesBetweenNoMembersAlone() {
        List<RgbImage> both = draw(List.of(one, two), List.of(0.5, 0.5));
        assertThat(both).isNotEqualTo(draw(one)).isNotEqualTo(draw(two));
    }

    @Test
    void membersThatTakeTurnsDrawTheSameBytes() {
        List<Path> members = List.of(one, two, up);
        List<Double> weights = List.of(0.2, 0.3, 0.5);
        assertThat(draw(Generator.ensemble(members, weights, true, SETTINGS)))
                .isEqualTo(draw(Generator.ensemble(members, weights, false, SETTINGS)));
    }

    @Test
    void picturesNameEveryMemberWithItsCoefficientAndHash() {
        String first = WeightsHash.of(TinyModels.unet(one));
        String second = WeightsHash.of(TinyModels.unet(two));
        try (Generator g =
                Generator.ensemble(List.of(one, two), List.of(0.25, 0.75), false, SETTINGS)) {
            assertThat(g.name()).isEqualTo("ensemble of 2 weighed by 1/4, 3/4");
            assertThat(g.members())
                    .containsOnlyKeys("ensemble")
                    .containsEntry("ensemble", "1/4 " + first + " one\n3/4 " + second + " two");
            assertThat(g.unetHash())
                    .isEqualTo(
                            Hashes.sha256Hex(
                                    (first + "\n" + second + "\n[0.25, 0.75]")
                                            .getBytes(StandardCharsets.UTF_8)));
        }
        try (Generator g = Generator.ensemble(List.of(one, two), SETTINGS)) {
            assertThat(g.name()).isEqualTo("ensemble of 2");
            assertThat(g.members().get("ensemble")).startsWith("1/2 " + first);
        }
    }

    @Test
    void randomWeightsBecomeCoefficientsOfSumOneInTheirRatio() {
        Random random = new Random(11);
        for (int round = 0; round < 5; round++) {
            List<Double> weights = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                weights.add(0.01 + 20 * random.nextDouble());
            }
            Ensemble ensemble = new Ensemble(true, weights, Optional.empty(), false, true);
            List<Double> k = new ArrayList<>();
            try (Generator g = ensemble.open(List.of(one, two, up), SETTINGS)) {
                g.members()
                        .get("ensemble")
                        .lines()
                        .forEach(line -> k.add(Double.parseDouble(line.split(" ")[0])));
            }
            assertThat(k.stream().mapToDouble(x -> x).sum()).isCloseTo(1, within(1e-12));
            for (int i = 1; i < 3; i++) {
                assertThat(k.get(i) / k.get(0))
                        .isCloseTo(weights.get(i) / weights.get(0), within(1e-9));
            }
        }
    }

    /** So that a picture's own coefficients, given again, give the same hash. */
    @Test
    void weightsThatAddUpToOneStayAsTheyAre() {
        List<Double> thirds = List.of(0.1, 0.2, 0.7);
        Ensemble ensemble = new Ensemble(true, thirds, Optional.empty(), false, true);
        try (Generator g = ensemble.open(List.of(one, two, up), SETTINGS)) {
            assertThat(g.name()).isEqualTo("ensemble of 3 weighed by 1/10, 1/5, 7/10");
        }
        try (Generator g = Ensemble.UNIFORM.open(List.of(one, two, up), SETTINGS)) {
            assertThat(g.name()).isEqualTo("ensemble of 3");
        }
    }

    @Test
    void weightsOfNothingAreRefused() {
        for (double wrong : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() ->
                            new Ensemble(true, List.of(1.0, wrong), Optional.empty(), false, false))
                    .isInstanceOf(SoupException.class)
                    .hasMessageStartingWith("`weights` are numbers above 0, one per model");
        }
        assertThatThrownBy(() ->
                        new Ensemble(true, List.of(1.0), Optional.of(Path.of("c")), false, false))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("A `classifier` gives the models' weights");
    }

    @Test
    void modelsOfAnotherBaseAreRefused() {
        assertThatThrownBy(() ->
                        Generator.ensemble(List.of(TinyModels.sd15(), TinyModels.sd21()), SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageEndingWith(
                        "differ in text_encoder/model.safetensors; an ensemble takes models of one base.");
        Path vae = TinyModels.copy(one, dir.resolve("vae"));
        TinyModels.change(
                vae.resolve("vae/diffusion_pytorch_model.safetensors"), TinyModels.jittered(4));
        assertThatThrownBy(() -> Generator.ensemble(List.of(one, vae), SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageEndingWith(
                        "differ in vae/diffusion_pytorch_model.safetensors; an ensemble takes models of one base.");
    }

    @Test
    void aMissingMemberAMissingClassifierAndAModelTwiceAreRefused() {
        Path none = dir.resolve("none");
        assertThatThrownBy(() -> Generator.ensemble(List.of(one, none), SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("There is no model " + none);
        assertThatThrownBy(() -> Generator.ensemble(List.of(one, one), SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessage("The same `model` is given twice.");
        assertThatThrownBy(
                        () -> Generator.classified(List.of(one, two), none, false, false, SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(none.toString());
        assertThatThrownBy(
                        () -> Generator.classified(List.of(one, two), none, true, true, SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("they cannot take turns; leave `sequential` out");
        assertThatThrownBy(() -> Generator.ensemble(List.of(), List.of(), false, SETTINGS))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least one `model`");
    }
}
