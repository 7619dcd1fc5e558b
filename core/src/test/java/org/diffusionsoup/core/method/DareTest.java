package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.diffusionsoup.core.method.Models.add;
import static org.diffusionsoup.core.method.Models.diff;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** DARE: what is dropped, that the mean stays, and that nothing but the seed decides. */
class DareTest {
    private static final int N = 200_000;
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    private static AddDelta dare(String drop, long seed, boolean rescale) {
        return add("base", "1", new Dare(diff("a", "base"), Factor.of(drop), seed, rescale));
    }

    private void constantDelta() {
        double[] ones = new double[N];
        Arrays.fill(ones, 1);
        models.with("base", DType.F64, new double[N]).with("a", DType.F64, ones);
    }

    @Test
    void theRandomBitsAreThoseOfTheJdksSplitmix() {
        SplittableRandom jdk = new SplittableRandom(Dare.key(7, "w"));
        for (int i = 0; i < 1000; i++) {
            assertThat(Dare.random(Dare.key(7, "w"), i)).isEqualTo(jdk.nextLong() >>> 11);
        }
    }

    @Test
    void everyElementIsDroppedOrDividedByWhatIsKept() {
        constantDelta();
        SplittableRandom jdk = new SplittableRandom(Dare.key(7, "w"));
        double[] got = models.w(dare("0.9", 7, true));
        for (int i = 0; i < N; i++) {
            boolean dropped = (jdk.nextLong() >>> 11) * 0x1p-53 < 0.9;
            assertThat(got[i]).isEqualTo(dropped ? 0 : 1 / 0.1);
        }
    }

    @Test
    void theMeanIsPreserved() {
        constantDelta();
        double[] got = models.w(dare("0.9", 1, true));
        // The mean of N draws of 10 with probability 0.1 has a deviation of 3 / sqrt(N).
        assertThat(Arrays.stream(got).average().orElseThrow())
                .isCloseTo(1, within(5 * 3 / Math.sqrt(N)));
    }

    @Test
    void withoutRescalingTheRestStaysAsItIs() {
        constantDelta();
        double[] got = models.w(dare("1/2", 1, false));
        assertThat(Arrays.stream(got).distinct().sorted().toArray()).containsExactly(0, 1);
    }

    @Test
    void nothingDroppedIsTheDelta() {
        models.with("base", DType.F16, Models.random(1, DType.F16, 5000));
        models.with("a", DType.F16, Models.random(2, DType.F16, 5000));
        assertThat(Models.data(models.merge(dare("0", 3, true))))
                .isEqualTo(Models.data(models.merge(add("base", "1", diff("a", "base")))));
    }

    @Test
    void seedAndTensorNameDecide() {
        double[] ones = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        double[] zeros = new double[ones.length];
        models.with(
                "base", Models.tensor("x", DType.F32, zeros), Models.tensor("y", DType.F32, zeros));
        models.with("a", Models.tensor("x", DType.F32, ones), Models.tensor("y", DType.F32, ones));
        Path one = models.merge(dare("1/2", 1, true));
        Path again = models.merge(dare("1/2", 1, true));
        Path other = models.merge(dare("1/2", 2, true));
        assertThat(Models.bytes(one)).isEqualTo(Models.bytes(again));
        assertThat(Models.values(one, "x")).isNotEqualTo(Models.values(one, "y"));
        assertThat(Models.values(one, "x")).isNotEqualTo(Models.values(other, "x"));
    }

    @Test
    void theDropRateIsBelow1() {
        assertThatThrownBy(() -> dare("1", 1, true)).hasMessageContaining("below 1");
        assertThatThrownBy(() -> dare("-0.1", 1, true)).isInstanceOf(SoupException.class);
    }
}
