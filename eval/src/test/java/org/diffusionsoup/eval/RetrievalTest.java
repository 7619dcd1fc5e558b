package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RetrievalTest {

    @Test
    void ranksByHand() {
        double[] similarities = {0.1, 0.9, 0.5, 0.5};
        assertThat(Retrieval.rank(similarities, 1)).isEqualTo(1);
        assertThat(Retrieval.rank(similarities, 2)).isEqualTo(3);
        assertThat(Retrieval.rank(similarities, 3)).isEqualTo(3);
        assertThat(Retrieval.rank(similarities, 0)).isEqualTo(4);
    }

    @Test
    void aJudgeWithoutAnOpinionFindsNothing() {
        assertThat(Retrieval.recallAt(1, new double[10][10]).rowToColumn().hits()).isZero();
        assertThat(Retrieval.recallAt(9, new double[10][10]).rowToColumn().hits()).isZero();
    }

    @Test
    void directionsDiffer() {
        // Every row prefers column 0; column 0 prefers row 0, column 1 row 1, column 2 row 0.
        double[][] similarity = {{9, 1, 5}, {8, 3, 1}, {7, 2, 4}};
        Retrieval.Recall recall = Retrieval.recallAt(1, similarity);
        assertThat(recall.rowToColumn()).isEqualTo(new Proportion(1, 3));
        assertThat(recall.columnToRow()).isEqualTo(new Proportion(2, 3));
        assertThat(Retrieval.recallAt(2, similarity).rowToColumn()).isEqualTo(new Proportion(3, 3));
    }

    @Test
    void chanceIsKOfN() {
        SplittableRandom random = new SplittableRandom(42);
        int queries = 4000;
        int candidates = 50;
        double[][] similarity = new double[queries][];
        int[] targets = new int[queries];
        for (int q = 0; q < queries; q++) {
            similarity[q] = random.doubles(candidates).toArray();
            targets[q] = random.nextInt(candidates);
        }
        double found = Retrieval.topK(similarity, targets, 5).value();
        assertThat(found).isCloseTo(0.1, within(0.02));
        assertThat(Retrieval.topK(similarity, targets, candidates).value()).isEqualTo(1);
    }

    @Test
    void wrongShapesAreRefused() {
        assertThatThrownBy(() -> Retrieval.recallAt(1, new double[][] {{1, 2}, {1}}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("row 1");
        assertThatThrownBy(() -> Retrieval.rank(new double[] {1, Double.NaN}, 0))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> Retrieval.topK(new double[2][2], new int[] {0, 5}, 1))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("Target 5");
        assertThatThrownBy(() -> Retrieval.topK(new double[2][2], new int[] {0, 1}, 0))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("at least 1");
    }
}
