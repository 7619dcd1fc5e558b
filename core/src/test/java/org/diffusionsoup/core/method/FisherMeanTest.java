package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.diffusionsoup.core.method.Models.big;
import static org.diffusionsoup.core.method.Models.load;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.FisherMean.Term;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The Fisher-weighted mean against plain arrays of BigDecimal. */
class FisherMeanTest {
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    private static Term term(String k, String of, String fisher) {
        return new Term(Factor.of(k), load(of), fisher);
    }

    private static FisherMean both() {
        return new FisherMean(
                List.of(term("1", "a", "fa"), term("2", "b", "fb")), FisherMean.FLOOR);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16"})
    void isTheFormulaRoundedOnce(DType dtype) {
        int n = 5000;
        double[] a = Models.random(1, dtype, n);
        double[] b = Models.random(2, dtype, n);
        double[] fa = Arrays.stream(Models.random(3, DType.F32, n)).map(Math::abs).toArray();
        double[] fb = Arrays.stream(Models.random(4, DType.F32, n)).map(Math::abs).toArray();
        models.with("a", dtype, a).with("b", dtype, b);
        models.with("fa", DType.F32, fa).with("fb", DType.F32, fb);
        BigDecimal floor = big(1e-6);

        double[] got = models.w(both());

        for (int i = 0; i < n; i++) {
            BigDecimal ma = big(fa[i]).max(floor);
            BigDecimal mb = big(fb[i]).max(floor).multiply(big(2));
            BigDecimal exact =
                    big(a[i])
                            .multiply(ma)
                            .add(big(b[i]).multiply(mb))
                            .divide(ma.add(mb), MathContext.DECIMAL128);
            // Terms that cancel leave the doubles' rounding errors relative to the larger term.
            double slack =
                    Models.ulp(dtype, Math.max(Math.abs(got[i]), exact.abs().doubleValue())) * 0.5
                            + Math.ulp(Math.max(Math.abs(a[i]), Math.abs(b[i]))) * 8;
            assertThat(got[i]).isCloseTo(exact.doubleValue(), within(slack));
        }
    }

    @Test
    void equalFishersGiveTheMeanToRounding() {
        int n = 5000;
        double[] f = Arrays.stream(Models.random(3, DType.F32, n)).map(Math::abs).toArray();
        models.with("a", DType.F32, Models.random(1, DType.F32, n));
        models.with("b", DType.F32, Models.random(2, DType.F32, n));
        models.with("fa", DType.F32, f).with("fb", DType.F32, f);
        double[] fisher = models.w(both());
        double[] mean =
                models.w(
                        new WeightedMean(
                                List.of(
                                        new WeightedMean.Term(Factor.ONE, load("a")),
                                        new WeightedMean.Term(Factor.of("2"), load("b")))));
        for (int i = 0; i < n; i++) {
            assertThat(fisher[i])
                    .isCloseTo(mean[i], within(Models.ulp(DType.F32, mean[i]) + 1e-15));
        }
    }

    @Test
    void theFloorKeepsElementsThatMatterToNoModelDefined() {
        models.with("a", DType.F32, 2, 2).with("b", DType.F32, 8, 8);
        models.with("fa", DType.F32, 0, 1).with("fb", DType.F32, 0, 0);
        double[] got = models.w(both());
        assertThat(got[0]).isEqualTo(6);
        assertThat(got[1]).isCloseTo(2, within(1e-4)).isGreaterThan(2);
    }

    @Test
    void theOrderOfTermsDoesNotMatter() {
        models.with("a", DType.F64, Models.random(1, DType.F64, 5000));
        models.with("b", DType.F64, Models.random(2, DType.F64, 5000));
        models.with(
                "fa",
                DType.F64,
                Arrays.stream(Models.random(3, DType.F64, 5000)).map(Math::abs).toArray());
        models.with(
                "fb",
                DType.F64,
                Arrays.stream(Models.random(4, DType.F64, 5000)).map(Math::abs).toArray());
        Path one = models.merge(both());
        Path two = models.merge(new FisherMean(both().terms().reversed(), FisherMean.FLOOR));
        assertThat(Models.bytes(one)).isEqualTo(Models.bytes(two));
    }

    @Test
    void negativeFishersAreRefused() {
        models.with("a", DType.F32, 2, 2).with("b", DType.F32, 8, 8);
        models.with("fa", DType.F32, 0, 1).with("fb", DType.F32, 0, -1);
        assertThatThrownBy(() -> models.w(both()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'w' of Fisher input 'fb' holds -1.0");
    }

    @Test
    void fishersNeedTheFloatingPointTensorsOnly() {
        models.with(
                "a",
                Models.tensor("w", DType.F32, 1, 2),
                new org.diffusionsoup.core.tensor.TensorEntry(
                        "ids",
                        DType.I64,
                        new long[] {1},
                        org.diffusionsoup.core.tensor.TensorBytes.of(7L)));
        models.with("fa", Models.tensor("w", DType.F32, 1, 1));
        FisherMean tree = new FisherMean(List.of(term("1", "a", "fa")), FisherMean.FLOOR);
        assertThat(models.w(tree)).containsExactly(1, 2);
        models.with("fa", Models.tensor("v", DType.F32, 1, 1));
        assertThatThrownBy(() -> models.w(tree))
                .isInstanceOf(IncompatibleIngredientsException.class)
                .hasMessageContaining("'w' is missing");
    }
}
