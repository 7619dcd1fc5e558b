package org.diffusionsoup.core.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The closest matrix of a rank misses exactly the singular values that it leaves out. */
class TruncatedSvdTest {
    private final Random random = new Random(3);

    private Matrix gaussian(int rows, int columns) {
        Matrix m = Matrix.zero(rows, columns);
        for (int i = 0; i < m.values().length; i++) {
            m.values()[i] = random.nextGaussian();
        }
        return m;
    }

    /** Rows that are orthonormal. */
    private Matrix orthonormal(int rows, int columns) {
        Matrix m = gaussian(rows, columns);
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < i; j++) {
                    double along = dot(m, i, j);
                    for (int k = 0; k < columns; k++) {
                        m.values()[i * columns + k] -= along * m.at(j, k);
                    }
                }
                double norm = Math.sqrt(dot(m, i, i));
                for (int k = 0; k < columns; k++) {
                    m.values()[i * columns + k] /= norm;
                }
            }
        }
        return m;
    }

    private static double dot(Matrix m, int a, int b) {
        double sum = 0;
        for (int k = 0; k < m.columns(); k++) {
            sum += m.at(a, k) * m.at(b, k);
        }
        return sum;
    }

    /** A matrix of known singular values. */
    private Matrix of(double[] values, int rows, int columns) {
        Matrix right = orthonormal(values.length, columns);
        for (int i = 0; i < values.length; i++) {
            for (int k = 0; k < columns; k++) {
                right.values()[i * columns + k] *= values[i];
            }
        }
        return orthonormal(values.length, rows).transposed().times(right);
    }

    private static double missed(Matrix a, TruncatedSvd.Factors f) {
        Matrix b = f.up().times(f.down());
        for (int i = 0; i < b.values().length; i++) {
            b.values()[i] -= a.values()[i];
        }
        return b.norm();
    }

    private static double tail(double[] values, int rank) {
        double square = 0;
        for (int i = rank; i < values.length; i++) {
            square += values[i] * values[i];
        }
        return Math.sqrt(square);
    }

    @ParameterizedTest
    @CsvSource({"7, 5, 2", "5, 7, 2", "1, 9, 1", "40, 90, 6", "90, 40, 39", "30, 30, 30"})
    void smallMatricesExactly(int rows, int columns, int rank) {
        double[] values = new double[Math.min(rows, columns)];
        for (int i = 0; i < values.length; i++) {
            values[i] = 10 * Math.pow(0.8, i);
        }
        Matrix a = of(values, rows, columns);
        TruncatedSvd.Factors f = TruncatedSvd.of(a, rank);
        assertThat(f.down().rows()).isEqualTo(rank);
        assertThat(missed(a, f)).isCloseTo(tail(values, rank), within(1e-12 * a.norm()));
    }

    /** Of a flat spectrum, the hardest case, within a hundredth of the best there is. */
    @ParameterizedTest
    @CsvSource({"1, 0.01", "0.97, 0.002", "0.8, 0.000001"})
    void largeMatricesNearly(double decay, double within) {
        double[] values = new double[120];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.pow(decay, i);
        }
        Matrix a = of(values, 150, 220);
        for (int rank : new int[] {1, 8, 32}) {
            TruncatedSvd.Factors f = TruncatedSvd.of(a, rank);
            double best = tail(values, rank);
            assertThat(missed(a, f)).isBetween(best * (1 - 1e-9), best * (1 + within));
        }
    }

    @Test
    void productsOfThinFactorsExactlyEvenWhereTheyDepend() {
        Matrix up = gaussian(30, 4);
        Matrix down = gaussian(4, 50);
        Matrix twiceUp = Matrix.zero(30, 8);
        Matrix twiceDown = Matrix.zero(8, 50);
        for (int i = 0; i < 30; i++) {
            for (int k = 0; k < 8; k++) {
                twiceUp.values()[i * 8 + k] = up.at(i, k % 4) / 2;
            }
        }
        for (int k = 0; k < 8; k++) {
            System.arraycopy(down.values(), k % 4 * 50, twiceDown.values(), k * 50, 50);
        }
        Matrix exact = up.times(down);
        TruncatedSvd.Factors f = TruncatedSvd.ofProduct(twiceUp, twiceDown, 8);
        assertThat(f.down().rows()).isEqualTo(4); // no more than there is
        assertThat(missed(exact, f)).isLessThan(1e-12 * exact.norm());
    }

    @Test
    void nothingAtAll() {
        Matrix zero = Matrix.zero(6, 9);
        TruncatedSvd.Factors f = TruncatedSvd.of(zero, 3);
        assertThat(missed(zero, f)).isZero();
    }

    @Test
    void theSameEveryTime() {
        Matrix a = gaussian(130, 140);
        assertThat(TruncatedSvd.of(a, 5).up().values())
                .isEqualTo(TruncatedSvd.of(a, 5).up().values());
    }
}
