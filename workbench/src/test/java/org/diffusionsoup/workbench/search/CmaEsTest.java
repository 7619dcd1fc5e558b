package org.diffusionsoup.workbench.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

class CmaEsTest {
    private static final double[] WANTED = {0.6, 0.3, 0.1};

    /** Minus the squared distance of a point's softmax from the wanted mixture. */
    private static double value(double[] z) {
        double sum = Arrays.stream(z).map(Math::exp).sum();
        double v = 0;
        for (int i = 0; i < z.length; i++) {
            double d = Math.exp(z[i]) / sum - WANTED[i];
            v -= d * d;
        }
        return v;
    }

    private static List<Double> values(long seed, int budget) {
        List<Double> seen = new ArrayList<>();
        try {
            new CmaEs()
                    .maximise(
                            3,
                            z -> {
                                if (seen.size() == budget) {
                                    throw new SoupException("spent");
                                }
                                seen.add(value(z));
                                return seen.getLast();
                            },
                            seed);
        } catch (SoupException e) {
            assertThat(e).hasMessage("spent");
        }
        return seen;
    }

    @Test
    void findsAMixture() {
        for (long seed = 0; seed < 5; seed++) {
            assertThat(values(seed, 200)).anyMatch(v -> v > -1e-4);
        }
    }

    @Test
    void theSameSeedGivesTheSamePoints() {
        assertThat(values(7, 60)).isEqualTo(values(7, 60)).isNotEqualTo(values(8, 60));
    }

    @Test
    void pointsLieAroundAMeanShareOfOne() {
        new CmaEs()
                .maximise(
                        3,
                        z -> {
                            assertThat(Arrays.stream(z).map(Math::exp).sum())
                                    .isBetween(2.999, 3.001);
                            return value(z);
                        },
                        1);
    }

    @Test
    void promptsAreSplitWithoutACommonOne() {
        List<String> prompts = List.of("a", "b", "c", "d", "e");
        SearchRequest.Split split = SearchRequest.Split.of(prompts, 2, 3);
        assertThat(split.validation()).hasSize(2).doesNotContainAnyElementsOf(split.test());
        assertThat(split.test()).hasSize(3);
        assertThat(SearchRequest.Split.of(prompts, 2, 3)).isEqualTo(split);
        assertThatThrownBy(() -> SearchRequest.Split.of(prompts, 4, 3))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("4 and 1");
        assertThatThrownBy(() -> new SearchRequest.Split(List.of("a", "b"), List.of("b", "c")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Prompts 2 and 3 are the same, 'b'");
    }
}
