package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.diffusionsoup.core.method.Models.add;
import static org.diffusionsoup.core.method.Models.diff;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TIES against the paper's algorithm on plain arrays, with sorting. */
class TiesTest {
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    private static Ties ties(String density, String... models) {
        return new Ties(
                Arrays.stream(models).map(m -> (DeltaExpr) diff(m, "base")).toList(),
                Factor.of(density));
    }

    /** The three steps of Algorithm 1, as they are written there. */
    private static double[] reference(double[][] deltas, double density) {
        int n = deltas[0].length;
        double[][] trimmed = new double[deltas.length][n];
        for (int t = 0; t < deltas.length; t++) {
            double[] sizes = Arrays.stream(deltas[t]).map(Math::abs).sorted().toArray();
            double least = sizes[n - (int) Math.ceil(density * n)];
            for (int p = 0; p < n; p++) {
                trimmed[t][p] = Math.abs(deltas[t][p]) >= least ? deltas[t][p] : 0;
            }
        }
        double[] merged = new double[n];
        for (int p = 0; p < n; p++) {
            double total = 0;
            for (double[] t : trimmed) {
                total += t[p];
            }
            double sum = 0;
            int count = 0;
            for (double[] t : trimmed) {
                if (t[p] != 0 && Math.signum(t[p]) == Math.signum(total)) {
                    sum += t[p];
                    count++;
                }
            }
            merged[p] = count == 0 ? 0 : sum / count;
        }
        return merged;
    }

    @Test
    void byHand() {
        models.with("base", DType.F32, 0, 0, 0, 0);
        models.with("a", DType.F32, 4, -3, 0.5, 2);
        models.with("b", DType.F32, 2, 5, -0.25, -2);
        // Half of 4: a keeps 4 and -3, b keeps 5, 2 and, as large as 2, -2.
        assertThat(models.w(add("base", "1", ties("1/2", "a", "b")))).containsExactly(3, 5, 0, -2);
        assertThat(models.w(add("base", "1", ties("1", "a", "b"))))
                .as("all kept: 0.5 beats -0.25, 2 and -2 cancel")
                .containsExactly(3, 5, 0.5, 0);
    }

    @ParameterizedTest
    @CsvSource({"F64,0.2", "F64,1", "F32,0.05", "F16,0.5"})
    void isTheAlgorithm(DType dtype, double density) {
        int n = 20_000;
        double[] base = Models.random(9, dtype, n);
        models.with("base", dtype, base);
        double[][] deltas = new double[3][];
        for (int t = 0; t < 3; t++) {
            double[] tuned = Models.random(t, dtype, n);
            models.with("m" + t, dtype, tuned);
            deltas[t] = new double[n];
            Arrays.setAll(deltas[t], i -> tuned[i] - base[i]);
        }
        double[] expected = reference(deltas, density);

        double[] got = models.w(add("base", "1", ties(String.valueOf(density), "m0", "m1", "m2")));

        for (int i = 0; i < n; i++) {
            double exact = base[i] + expected[i];
            assertThat(got[i]).isCloseTo(exact, within(Models.ulp(dtype, exact) * 0.51 + 1e-15));
        }
    }

    @Test
    void oneModelKeptWholeIsTaskArithmetic() {
        models.with("base", DType.F32, Models.random(1, DType.F32, 9000));
        models.with("a", DType.F32, Models.random(2, DType.F32, 9000));
        Path ties = models.merge(add("base", "0.7", ties("1", "a")));
        Path plain = models.merge(add("base", "0.7", diff("a", "base")));
        assertThat(Models.data(ties)).isEqualTo(Models.data(plain));
    }

    @Test
    void theOrderOfModelsDoesNotMatter() {
        for (String m : List.of("base", "a", "b", "c")) {
            models.with(m, DType.F64, Models.random(m.hashCode(), DType.F64, 9000));
        }
        Path one = models.merge(add("base", "1", ties("0.3", "a", "b", "c")));
        Path two = models.merge(add("base", "1", ties("0.3", "c", "b", "a")));
        assertThat(Models.bytes(one)).isEqualTo(Models.bytes(two));
    }

    @Test
    void densityAndDeltasAreChecked() {
        assertThatThrownBy(() -> ties("0", "a")).hasMessageContaining("above 0");
        assertThatThrownBy(() -> ties("1.5", "a")).isInstanceOf(SoupException.class);
        assertThatThrownBy(() -> ties("1")).hasMessageContaining("at least one delta");
    }
}
