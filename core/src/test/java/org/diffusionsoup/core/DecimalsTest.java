package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DecimalsTest {
    @Test
    void whatRoundsToZeroHasNoMinus() {
        assertThat(Decimals.of(-0.00004, 4)).isEqualTo("0.0000");
        assertThat(Decimals.of(-0.0, 0)).isEqualTo("0");
        assertThat(Decimals.of(-0.00006, 4)).isEqualTo("-0.0001");
        assertThat(Decimals.of(-10, 1)).isEqualTo("-10.0");
        assertThat(Decimals.signed(-0.00004, 4)).isEqualTo("0.0000");
        assertThat(Decimals.signed(-0.5, 1)).isEqualTo("-0.5");
        assertThat(Decimals.signed(0.25, 2)).isEqualTo("+0.25");
    }
}
