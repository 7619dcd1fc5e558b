package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;

/** Where on a sheet each picture lies: found again by its noise. */
class SheetTest {
    private static final int SIDE = 100; // large enough not to be enlarged

    private record At(int x, int y) {}

    private static long seed(int model, int prompt, int seed) {
        return 100L * model + 10L * prompt + seed;
    }

    private static Drawn drawn(int model, int prompts, int seeds) {
        List<List<RgbImage>> rows = new ArrayList<>();
        for (int p = 0; p < prompts; p++) {
            int prompt = p;
            rows.add(
                    IntStream.range(0, seeds)
                            .mapToObj(s -> TinyModels.noise(SIDE, seed(model, prompt, s)))
                            .toList());
        }
        return new Drawn("model " + model, "hash", "DDIMScheduler", rows);
    }

    private static RgbImage sheet(int models, int prompts, int seeds) {
        return Sheet.of(
                IntStream.range(0, models).mapToObj(m -> drawn(m, prompts, seeds)).toList(),
                IntStream.range(0, prompts).mapToObj(p -> "prompt " + p).toList(),
                LongStream.range(0, seeds).boxed().toList());
    }

    private static At find(RgbImage sheet, int model, int prompt, int seed) {
        RgbImage wanted = TinyModels.noise(SIDE, seed(model, prompt, seed));
        for (int y = 0; y <= sheet.height() - SIDE; y++) {
            for (int x = 0; x <= sheet.width() - SIDE; x++) {
                if (lies(wanted, sheet, x, y)) {
                    return new At(x, y);
                }
            }
        }
        throw new AssertionError(
                "model %d, prompt %d, seed %d is not on the sheet".formatted(model, prompt, seed));
    }

    private static boolean lies(RgbImage wanted, RgbImage sheet, int x, int y) {
        for (int i = 0; i < SIDE; i++) {
            int from = 3 * ((y + i) * sheet.width() + x);
            for (int c = 0; c < 3 * SIDE; c++) {
                if (sheet.pixels()[from + c] != wanted.pixels()[3 * i * SIDE + c]) {
                    return false;
                }
            }
        }
        return true;
    }

    @Test
    void onePictureIsTheSheet() {
        assertThat(sheet(1, 1, 1)).isEqualTo(TinyModels.noise(SIDE, 0));
    }

    @Test
    void ofOneSeedPromptsStandBesideEachOtherAndModelsBelow() {
        RgbImage sheet = sheet(2, 3, 1);
        for (int m = 0; m < 2; m++) {
            for (int p = 1; p < 3; p++) {
                assertThat(find(sheet, m, p, 0).y()).isEqualTo(find(sheet, m, 0, 0).y());
                assertThat(find(sheet, m, p, 0).x()).isGreaterThan(find(sheet, m, p - 1, 0).x());
            }
        }
        assertThat(find(sheet, 1, 0, 0).y()).isGreaterThan(find(sheet, 0, 0, 0).y());
        assertThat(find(sheet, 1, 2, 0).x()).isEqualTo(find(sheet, 0, 2, 0).x());
    }

    @Test
    void moreThanEightPromptsBeginANewBandOfTheSameWidth() {
        RgbImage sheet = sheet(1, 10, 1);
        assertThat(find(sheet, 0, 7, 0).y()).isEqualTo(find(sheet, 0, 0, 0).y());
        for (int p = 8; p < 10; p++) {
            assertThat(find(sheet, 0, p, 0).y()).isGreaterThan(find(sheet, 0, 0, 0).y());
            assertThat(find(sheet, 0, p, 0).x()).isEqualTo(find(sheet, 0, p - 8, 0).x());
        }
        assertThat(sheet(1, 16, 1).width()).isEqualTo(sheet.width());
    }

    @Test
    void ofSeveralSeedsEachHasAColumnAndModelsOfAPromptAreTogether() {
        RgbImage sheet = sheet(2, 2, 3);
        int last = -1;
        for (int p = 0; p < 2; p++) {
            for (int m = 0; m < 2; m++) {
                Set<Integer> rows = new HashSet<>();
                for (int s = 0; s < 3; s++) {
                    At at = find(sheet, m, p, s);
                    rows.add(at.y());
                    assertThat(at.x()).isEqualTo(find(sheet, 0, 0, s).x());
                }
                assertThat(rows).hasSize(1);
                assertThat(rows.iterator().next()).isGreaterThan(last);
                last = rows.iterator().next();
            }
        }
        assertThat(find(sheet, 0, 0, 1).x()).isGreaterThan(find(sheet, 0, 0, 0).x());
    }

    @Test
    void modelsOfOnePromptAndSeedStandBelowEachOther() {
        RgbImage sheet = sheet(3, 1, 1);
        assertThat(find(sheet, 2, 0, 0).y())
                .isGreaterThan(find(sheet, 1, 0, 0).y())
                .isGreaterThan(find(sheet, 0, 0, 0).y());
    }
}
