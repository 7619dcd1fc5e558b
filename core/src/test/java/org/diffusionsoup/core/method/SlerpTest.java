package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.diffusionsoup.core.method.Models.load;

import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SLERP against the formula on plain arrays, at its ends, and where it is linear. */
class SlerpTest {
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    private static Slerp slerp(String t) {
        return new Slerp(load("a"), load("b"), Factor.of(t));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.5, 0.875})
    void isTheFormula(double t) {
        int n = 30_000;
        double[] a = Models.random(1, DType.F64, n);
        double[] b = Models.random(2, DType.F64, n);
        models.with("a", DType.F64, a).with("b", DType.F64, b);
        double aa = 0;
        double bb = 0;
        double ab = 0;
        for (int i = 0; i < n; i++) {
            aa += a[i] * a[i];
            bb += b[i] * b[i];
            ab += a[i] * b[i];
        }
        double angle = Math.acos(ab / Math.sqrt(aa * bb));

        double[] got = models.w(slerp(String.valueOf(t)));

        for (int i = 0; i < n; i++) {
            double expected =
                    (Math.sin((1 - t) * angle) * a[i] + Math.sin(t * angle) * b[i])
                            / Math.sin(angle);
            assertThat(got[i]).isCloseTo(expected, within(1e-12));
        }
    }

    @Test
    void halfwayBetweenRightAnglesKeepsTheLength() {
        models.with("a", DType.F64, 1, 0, 0).with("b", DType.F64, 0, 1, 0);
        double half = Math.sqrt(0.5);
        assertThat(models.w(slerp("1/2")))
                .containsExactly(new double[] {half, half, 0}, within(1e-15));
    }

    @Test
    void theEndsAreCopies() {
        models.with("a", DType.BF16, Models.random(1, DType.BF16, 777));
        models.with("b", DType.BF16, Models.random(2, DType.BF16, 777));
        assertThat(Models.data(models.merge(slerp("0")))).isEqualTo(Models.data(models.path("a")));
        assertThat(Models.data(models.merge(slerp("1")))).isEqualTo(Models.data(models.path("b")));
    }

    @Test
    void nearlyParallelOppositeOrZeroIsLinear() {
        models.with("a", DType.F64, 1, 0).with("b", DType.F64, 3, 0.01);
        assertThat(models.w(slerp("1/4"))).containsExactly(1.5, 0.0025);
        models.with("b", DType.F64, -3, 0.01);
        assertThat(models.w(slerp("1/4"))).containsExactly(0, 0.0025);
        models.with("b", DType.F64, 0, 0);
        assertThat(models.w(slerp("1/4"))).containsExactly(0.75, 0);
    }

    @Test
    void theThresholdIsTheOneStated() {
        // Of the two cosines one lies just above 0.9995, the other just below.
        double[] above = Slerp.factors(new double[] {1, 1, 0.99951}, 0.25);
        double[] below = Slerp.factors(new double[] {1, 1, 0.99949}, 0.25);
        assertThat(above).containsExactly(0.75, 0.25);
        assertThat(below[0]).isNotEqualTo(0.75).isCloseTo(0.75, within(1e-3));
    }

    @Test
    void tensorsTurnEachByItsOwnAngle() {
        models.with("a", Models.tensor("x", DType.F64, 1, 0), Models.tensor("y", DType.F64, 1, 0));
        models.with("b", Models.tensor("x", DType.F64, 0, 1), Models.tensor("y", DType.F64, 2, 0));
        Path out = models.merge(slerp("1/2"));
        assertThat(Models.values(out, "x")[0]).isCloseTo(Math.sqrt(0.5), within(1e-15));
        assertThat(Models.values(out, "y")).containsExactly(1.5, 0);
    }

    @Test
    void tIsFrom0To1() {
        assertThatThrownBy(() -> slerp("1.1"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("from 0 to 1, not 11/10");
        assertThatThrownBy(() -> slerp("-0.1")).isInstanceOf(SoupException.class);
    }
}
