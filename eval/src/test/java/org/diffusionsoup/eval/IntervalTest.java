package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class IntervalTest {
    @Test
    void differencesHaveSigns() {
        assertThat(new Interval(0.281, -0.01, 0.293, 0.95).formatSigned(3))
                .isEqualTo("+0.281 [−0.010, +0.293]");
        assertThat(new Interval(-2, -2, -2, 0.95).formatSigned(1)).isEqualTo("−2.0");
    }

    @Test
    void nothingIsMinusZero() {
        Interval small = new Interval(-0.00004, -0.02, 0.00004, 0.95);
        assertThat(small.format(4)).isEqualTo("0.0000 [-0.0200, 0.0000]");
        assertThat(small.formatTyped(4)).isEqualTo("0.0000 [−0.0200, 0.0000]");
        assertThat(small.formatSigned(4)).isEqualTo("0.0000 [−0.0200, +0.0000]");
    }

    @Test
    void aPointIsWrittenWithoutItsEnds() {
        assertThat(new Interval(0.281, 0.27, 0.293, 0.95).format(3))
                .isEqualTo("0.281 [0.270, 0.293]");
        assertThat(new Interval(1.3238, 1.3238, 1.3238, 0.95).format(4)).isEqualTo("1.3238");
        // narrow, and no point
        assertThat(new Interval(1, 0.99999, 1.00001, 0.95).format(2))
                .isEqualTo("1.00 [1.00, 1.00]");
    }
}
