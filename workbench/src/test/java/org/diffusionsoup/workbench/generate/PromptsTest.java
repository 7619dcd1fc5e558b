package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

class PromptsTest {
    private static void refused(String seeds, String why) {
        assertThatThrownBy(() -> Prompts.seeds(seeds))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(why);
    }

    @Test
    void seedsAreNumbersAndRangesAndEachRefusalNamesItsFault() {
        assertThat(Prompts.seeds("7,10-12")).containsExactly(7L, 10L, 11L, 12L);
        refused("0-999999999", "is more than the 100,000 seeds");
        refused("5-3", "ends before it begins; write it as 3-5");
        refused("one", "is no list of seeds");
    }
}
