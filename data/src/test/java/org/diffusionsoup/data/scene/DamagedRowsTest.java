package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Pictures;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;

/** The committed emoji as a crawl would have brought them. */
class DamagedRowsTest {
    private static final List<Sample> ROWS =
            ShardRef.parse(Path.of("..", "shards", "emoji") + "#provider=noto&domain=vehicles")
                    .open()
                    .samples();

    private static double distance(Sample a, Sample b) {
        byte[] one = a.image().pixels();
        byte[] other = b.image().pixels();
        double sum = 0;
        for (int i = 0; i < one.length; i++) {
            sum += Math.abs((one[i] & 0xff) - (other[i] & 0xff));
        }
        return sum / one.length;
    }

    private static double mean(Tier tier) {
        DamagedRows damage = new DamagedRows(tier, 0, 3);
        return ROWS.stream().mapToDouble(r -> distance(r, damage.apply(r))).average().orElseThrow();
    }

    @Test
    void aRowsDamageDependsOnItsKeyAndTheSeedAlone() {
        Sample row = ROWS.get(5);
        Sample once = new DamagedRows(Tier.AE1, 0, 3).apply(row);
        assertThat(new DamagedRows(Tier.AE1, 0, 3).apply(row).png()).isEqualTo(once.png());
        assertThat(new DamagedRows(Tier.AE1, 0, 4).apply(row).png()).isNotEqualTo(once.png());
        SampleInfo renamed =
                new SampleInfo(
                        "another-key",
                        row.caption(),
                        "",
                        "",
                        "",
                        "me",
                        "CC0-1.0",
                        "",
                        "",
                        "other",
                        "train",
                        row.info().sha256());
        assertThat(new DamagedRows(Tier.AE1, 0, 3).apply(new Sample(renamed, row.png())).png())
                .isNotEqualTo(once.png());
    }

    @Test
    void onlyThePictureChangesAndItsHashWithIt() {
        Sample row = ROWS.get(0);
        SampleInfo was = row.info();
        SampleInfo is = new DamagedRows(Tier.AE1, 0, 3).apply(row).info();
        Sample damaged = new DamagedRows(Tier.AE1, 0, 3).apply(row);
        assertThat(is.sha256())
                .isEqualTo(Hashes.sha256Hex(damaged.png()))
                .isNotEqualTo(was.sha256());
        assertThat(is.toString().replace(is.sha256(), was.sha256())).isEqualTo(was.toString());
    }

    @Test
    void theWorstGradeSparesNoPictureAndTheBestSparesAll() {
        DamagedRows worst = new DamagedRows(Tier.AE1, 0, 3);
        assertThat(ROWS).hasSizeGreaterThan(50);
        assertThat(ROWS).allSatisfy(r -> assertThat(distance(r, worst.apply(r))).isPositive());
        assertThat(mean(Tier.AE5)).isZero();
        assertThat(mean(Tier.AE1)).isGreaterThan(mean(Tier.AE2));
        assertThat(mean(Tier.AE2)).isGreaterThan(mean(Tier.AE3));
        assertThat(mean(Tier.AE3)).isGreaterThan(mean(Tier.AE4));
    }

    @Test
    void whiteSurroundingsBecomeAnotherGroundAndTheThingStays() {
        DamagedRows damage = new DamagedRows(Tier.AE5, 1, 3);
        for (Sample row : ROWS) {
            RgbImage was = row.image();
            RgbImage is = damage.apply(row).image();
            boolean corner = (was.pixels()[0] & 0xff) >= 250;
            int changed = 0;
            for (int i = 0; i < was.pixels().length; i += 3) {
                boolean same =
                        was.pixels()[i] == is.pixels()[i]
                                && was.pixels()[i + 1] == is.pixels()[i + 1]
                                && was.pixels()[i + 2] == is.pixels()[i + 2];
                boolean white =
                        (was.pixels()[i] & 0xff) >= 240
                                && (was.pixels()[i + 1] & 0xff) >= 240
                                && (was.pixels()[i + 2] & 0xff) >= 240;
                assertThat(same || white).as("%s: only white changes", row.key()).isTrue();
                changed += same ? 0 : 1;
            }
            if (corner) {
                assertThat(changed).as(row.key()).isGreaterThan(64 * 64 / 20);
            }
        }
    }

    @Test
    void theShareOfGroundsIsKept() {
        DamagedRows damage = new DamagedRows(Tier.AE5, 0.5, 3);
        long changed = ROWS.stream().filter(r -> distance(r, damage.apply(r)) > 0).count();
        assertThat(changed).isBetween(ROWS.size() / 3L, 2L * ROWS.size() / 3);
        assertThatThrownBy(() -> new DamagedRows(Tier.AE5, Double.NaN, 3))
                .isInstanceOf(SoupException.class);
    }

    @Test
    void aPictureThatIsNotSquareIsNamed() {
        RgbImage wide = Pictures.noise(64, 32, 1);
        byte[] png = PngCodec.encode(wide);
        SampleInfo info =
                new SampleInfo(
                        "wide",
                        "a wide one",
                        "",
                        "",
                        "",
                        "me",
                        "CC0-1.0",
                        "",
                        "",
                        "other",
                        "train",
                        Hashes.sha256Hex(png));
        assertThatThrownBy(() -> new DamagedRows(Tier.AE1, 0, 1).apply(new Sample(info, png)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("row wide")
                .hasMessageContaining("64×32");
    }
}
