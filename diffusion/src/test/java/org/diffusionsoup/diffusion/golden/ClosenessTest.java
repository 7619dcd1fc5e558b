package org.diffusionsoup.diffusion.golden;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ClosenessTest {
    @Test
    void namesTheWorstElement() {
        assertThatThrownBy(() ->
                        Closeness.check(
                                "t",
                                new float[] {1, 2, 3, 4},
                                new double[] {1, 2.1, 3.5, 4},
                                0.01,
                                2,
                                2))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("t[1, 0]: 3.5, expected 3.0")
                .hasMessageContaining("2 of 4 elements");
    }

    @Test
    void notANumberIsNeverClose() {
        assertThatThrownBy(() ->
                        Closeness.check("t", new float[] {1}, new double[] {Double.NaN}, 9, 1))
                .isInstanceOf(AssertionError.class);
        Closeness.check("t", new float[] {Float.NaN}, new double[] {Double.NaN}, 0, 1);
    }

    @Test
    void withinTheToleranceIsClose() {
        Closeness.check("t", new float[] {1, 2}, new double[] {1.005, 1.995}, 0.01, 2);
    }
}
