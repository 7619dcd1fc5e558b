package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PluralTest {
    @Test
    void onlyOneIsSingular() {
        assertThat(Plural.of(0, "row")).isEqualTo("0 rows");
        assertThat(Plural.of(1, "row")).isEqualTo("1 row");
        assertThat(Plural.of(2, "row")).isEqualTo("2 rows");
        assertThat(Plural.of(1, "entry", "entries")).isEqualTo("1 entry");
        assertThat(Plural.of(1_234_567, "entry", "entries")).isEqualTo("1,234,567 entries");
    }

    @Test
    void thingsHaveTheirArticle() {
        for (String an :
                List.of("evaluation", "ingredient", "index weight_sha", "SDXL checkpoint", "IA3")) {
            assertThat(Plural.one(an)).isEqualTo("an " + an);
        }
        for (String a : List.of("shard", "unit", "UNet", "Stable Diffusion model", "VAE", "LoHa")) {
            assertThat(Plural.one(a)).isEqualTo("a " + a);
        }
    }

    @Test
    void digitsAreGroupedAsTheLibraryGroupsThem() {
        SplittableRandom random = new SplittableRandom(20261129);
        for (int i = 0; i < 2000; i++) {
            long n = random.nextLong() >> random.nextInt(64);
            assertThat(Plural.grouped(n)).isEqualTo(String.format(Locale.ROOT, "%,d", n));
        }
        for (long n : new long[] {0, 9, 99, 100, 999, 1000, -1, -999, -1000, Long.MIN_VALUE}) {
            assertThat(Plural.grouped(n)).isEqualTo(String.format(Locale.ROOT, "%,d", n));
        }
    }
}
