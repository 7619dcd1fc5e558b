package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BootstrapCautionTest {
    @Test
    void fewerThanTwentyValuesAreFew() {
        assertThat(Bootstrap.caution(20, "prompts")).isEmpty();
        assertThat(Bootstrap.caution(19, "prompts"))
                .contains(
                        "Of 19 prompts bootstrap intervals are too narrow: that one excludes 0 says"
                                + " little with fewer than 20.");
    }
}
