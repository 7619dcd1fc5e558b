package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BucketRuleTest {
    private static final BucketRule SD = new BucketRule(512, 64, 256, 1024);
    private static final BucketRule SDXL = new BucketRule(1024, 64, 512, 2048);
    private static final BucketRule SMALL = new BucketRule(64, 16, 32, 128);

    private static List<String> upright(BucketRule rule) {
        return rule.sizes().stream()
                .filter(s -> s.width() <= s.height())
                .map(PictureSize::toString)
                .toList();
    }

    /** What make_bucket_resolutions of sd-scripts gives for these numbers. */
    @Test
    void theSizesAreThoseOfSdScripts() {
        assertThat(upright(SD))
                .containsExactly(
                        "256×832",
                        "256×896",
                        "256×960",
                        "256×1024",
                        "320×704",
                        "320×768",
                        "384×640",
                        "448×576",
                        "512×512");
        assertThat(upright(SDXL))
                .containsExactly(
                        "512×1856",
                        "512×1920",
                        "512×1984",
                        "512×2048",
                        "576×1664",
                        "576×1728",
                        "576×1792",
                        "640×1536",
                        "640×1600",
                        "704×1408",
                        "704×1472",
                        "768×1280",
                        "768×1344",
                        "832×1216",
                        "896×1152",
                        "960×1088",
                        "1024×1024");
        assertThat(upright(SMALL)).containsExactly("32×96", "32×112", "32×128", "48×80", "64×64");
        for (BucketRule rule : List.of(SD, SDXL, SMALL)) {
            for (PictureSize s : rule.sizes()) {
                assertThat(rule.sizes()).contains(new PictureSize(s.height(), s.width()));
            }
        }
    }

    @Test
    void aBaseHasItsOwnSizeAndSteps() {
        assertThat(BucketRule.of(Path.of("../models/emoji-base"), OptionalInt.empty()))
                .isEqualTo(SMALL);
        for (Path tiny : List.of(TinyModels.sd15(), TinyModels.sdxl())) {
            assertThat(BucketRule.of(tiny, OptionalInt.empty())).isEqualTo(SMALL);
            assertThat(BucketRule.of(tiny, OptionalInt.of(32)))
                    .isEqualTo(new BucketRule(32, 16, 16, 64));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -16, 8, 50, 8208})
    void anotherSideIsRefused(int side) {
        assertThatThrownBy(() -> BucketRule.of(TinyModels.sd15(), OptionalInt.of(side)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`buckets` must be a multiple of 16 from 16 to 8192")
                .hasMessageContaining("not " + side);
    }

    @ParameterizedTest
    @CsvSource({
        "500,64,256,1024", "512,64,250,1024", "512,64,256,1000", "512,64,576,1024",
        "512,64,256,448", "512,0,256,1024", "512,64,0,1024", "512,64,256,32768"
    })
    void nonsenseIsRefused(int resolution, int step, int least, int most) {
        assertThatThrownBy(() -> new BucketRule(resolution, step, least, most))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("cannot be made");
    }

    /** Large enough pictures; what is cut off of them, in percent. */
    @ParameterizedTest
    @CsvSource({
        "2000,2000,512×512,0", "4000,3000,576×448,4", "3000,4000,448×576,4",
        "1920,1080,640×384,6", "3000,2000,640×384,10", "5000,1000,1024×256,20",
        "9000,1000,1024×256,56"
    })
    void theNearestShapeIsTaken(int width, int height, String bucket, int cut) {
        BucketFit fit = SD.fit(new PictureSize(width, height));
        assertThat(fit.bucket()).hasToString(bucket);
        assertThat(Math.round(100 * (1 - fit.kept()))).isEqualTo(cut);
        assertThat(fit.isEnlarged()).isFalse();
        assertThat(fit.cutsMuch()).isEqualTo(cut > 33);
    }

    /**
     * Small ones: as large as they can be without being enlarged, which the last ones have to be.
     */
    @ParameterizedTest
    @CsvSource({
        "512,512,512×512,1",
        "511,511,448×448,1",
        "300,300,256×256,1",
        "500,300,384×256,1",
        "510,384,448×320,1",
        "300,1000,256×832,1",
        "200,200,256×256,1.28",
        "250,1000,256×1024,1.024",
        "250,990,256×1024,1.035",
        "100,400,256×1024,2.56"
    })
    void aSmallPictureIsEnlargedOnlyIfItHasToBe(
            int width, int height, String bucket, double enlargement) {
        BucketFit fit = SD.fit(new PictureSize(width, height));
        assertThat(fit.bucket()).hasToString(bucket);
        assertThat(Math.max(1, fit.enlargement())).isCloseTo(enlargement, within(1e-3));
        assertThat(fit.isEnlarged()).isEqualTo(enlargement > 1);
    }

    @Test
    void everyPictureIsCoveredAndCutAroundItsMiddle() {
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 20_000; i++) {
            BucketRule rule = List.of(SD, SDXL, SMALL).get(random.nextInt(3));
            int most = random.nextBoolean() ? 4 * rule.resolution() : 65_535;
            PictureSize p = new PictureSize(1 + random.nextInt(most), 1 + random.nextInt(most));
            BucketFit fit = rule.fit(p);
            PictureSize b = fit.bucket();
            assertThat(b.width() % rule.step() + b.height() % rule.step()).isZero();
            assertThat(Math.min(b.width(), b.height())).isGreaterThanOrEqualTo(rule.least());
            assertThat(Math.max(b.width(), b.height())).isLessThanOrEqualTo(rule.most());
            assertThat(b.area()).isLessThanOrEqualTo((long) rule.resolution() * rule.resolution());

            PictureSize scaled = fit.scaled();
            assertThat(scaled.width()).isGreaterThanOrEqualTo(b.width());
            assertThat(scaled.height()).isGreaterThanOrEqualTo(b.height());
            assertThat(scaled.width() == b.width() || scaled.height() == b.height()).isTrue();
            // The shape stays, to half a pixel.
            assertThat((double) scaled.width() - (double) p.width() * scaled.height() / p.height())
                    .as("%s to %s", p, scaled)
                    .isBetween(
                            -0.5 * Math.max(1, (double) p.width() / p.height()) - 1e-6,
                            0.5 * Math.max(1, (double) p.width() / p.height()) + 1e-6);

            PictureSize turned = new PictureSize(p.height(), p.width());
            assertThat(rule.fit(turned).bucket())
                    .as("%s on its side", p)
                    .isEqualTo(new PictureSize(b.height(), b.width()));

            // Where the picture covers every size, none of them cuts less off.
            if (Math.min(p.width(), p.height()) >= rule.most()) {
                double best =
                        rule.sizes().stream()
                                .mapToDouble(s -> new BucketFit(p, s).kept())
                                .max()
                                .orElseThrow();
                assertThat(fit.kept()).isEqualTo(best);
            }
            // Enlarged is only what covers nothing of its shape.
            if (p.width() >= rule.least() && p.height() >= rule.least()) {
                assertThat(fit.isEnlarged()).as("%s in %s", p, rule).isFalse();
            }
        }
    }

    @Test
    void pixelsAreMeansAndTheMiddleStays() {
        // Twice as large as the bucket is high; a quarter of the width is cut off at either side.
        int width = 256;
        int height = 128;
        byte[] pixels = new byte[3 * width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                pixels[3 * (y * width + x)] = (byte) x;
                pixels[3 * (y * width + x) + 1] = (byte) y;
            }
        }
        BucketFit fit = new BucketFit(new PictureSize(width, height), new PictureSize(64, 64));
        RgbImage out = fit.apply(new RgbImage(width, height, pixels));
        assertThat(out.width()).isEqualTo(64);
        for (int i = 0; i < 64; i++) {
            assertThat((double) out.channel(i, 0, 0)).isCloseTo(2 * (i + 32) + 0.5, within(0.5));
            assertThat((double) out.channel(0, i, 1)).isCloseTo(2 * i + 0.5, within(0.5));
        }
        assertThat(fit.conditioning()).containsExactly(128, 256, 0, 32, 64, 64);
        assertThat(fit.kept()).isEqualTo(0.5);
    }
}
