package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantityTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0 B",
        "7, 7, 7 B",
        "999, 999, 999 B",
        "1000, '1,000', 1.0 kB",
        "1049, '1,049', 1.0 kB",
        "1051, '1,051', 1.1 kB",
        "9999, '9,999', 10.0 kB",
        "10000, 10.0 k, 10.0 kB",
        "865910724, 866 M, 866 MB",
        "1731904736, 1.7 B, 1.7 GB",
        "123456789012, 123 B, 123 GB"
    })
    void countsAndSizes(long n, String count, String bytes) {
        assertThat(Quantity.count(n)).isEqualTo(count);
        assertThat(Quantity.bytes(n)).isEqualTo(bytes);
    }

    @Test
    void timesAreAsFormatPrintsThem() {
        Random random = new Random(1);
        for (int i = 0; i < 1_000; i++) {
            double seconds = random.nextDouble() * Math.pow(10, random.nextInt(6) - 2);
            assertThat(Quantity.seconds(seconds))
                    .isEqualTo(String.format(Locale.ROOT, "%.1f s", seconds));
        }
    }
}
