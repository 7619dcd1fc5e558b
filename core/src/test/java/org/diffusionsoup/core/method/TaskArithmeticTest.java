package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.diffusionsoup.core.method.Models.add;
import static org.diffusionsoup.core.method.Models.big;
import static org.diffusionsoup.core.method.Models.diff;
import static org.diffusionsoup.core.method.Models.load;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Add-difference and sums of task vectors, against plain arrays of BigDecimal. */
class TaskArithmeticTest {
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16"})
    void isTheLinearFormulaRoundedOnce(DType dtype) {
        int n = 5000;
        double[] base = Models.random(1, dtype, n);
        double[] a = Models.random(2, dtype, n);
        double[] b = Models.random(3, dtype, n);
        models.with("base", dtype, base).with("a", dtype, a).with("b", dtype, b);
        DeltaExpr sum =
                new DeltaSum(
                        List.of(
                                new DeltaSum.Term(Factor.of("3/4"), diff("a", "base")),
                                new DeltaSum.Term(Factor.of("-0.25"), diff("b", "base"))));

        double[] got = models.w(add("base", "1.5", sum));

        for (int i = 0; i < n; i++) {
            BigDecimal exact =
                    big(base[i])
                            .add(big(a[i]).subtract(big(base[i])).multiply(big(1.125)))
                            .subtract(big(b[i]).subtract(big(base[i])).multiply(big(0.375)));
            assertThat(Models.isRounded(dtype, got[i], exact, 4))
                    .as("element %s: %s for %s", i, got[i], exact)
                    .isTrue();
        }
    }

    @Test
    void byHand() {
        models.with("base", DType.F32, 1, 2, -4).with("tuned", DType.F32, 2, 2, -8);
        models.with("other", DType.F32, 10, 20, 30);
        assertThat(models.w(add("base", "0.5", diff("tuned", "base")))).containsExactly(1.5, 2, -6);
        assertThat(models.w(add("other", "1", diff("tuned", "base")))).containsExactly(11, 20, 26);
        assertThat(models.w(add("base", "-1", diff("tuned", "base")))).containsExactly(0, 2, 0);
    }

    @Test
    void scale0KeepsTheBaseExactly() {
        double[] base = Models.random(4, DType.BF16, 999);
        models.with("base", DType.BF16, base)
                .with("a", DType.BF16, Models.random(5, DType.BF16, 999));
        Path out = models.merge(add("base", "0", diff("a", "base")));
        assertThat(Models.data(out)).isEqualTo(Models.data(models.path("base")));
    }

    @Test
    void scale1FromItsOwnBaseIsTheTunedModel() {
        double[] tuned = Models.random(5, DType.F16, 999);
        models.with("base", DType.F16, Models.random(4, DType.F16, 999));
        models.with("tuned", DType.F16, tuned);
        assertThat(models.w(add("base", "1", diff("tuned", "base")))).containsExactly(tuned);
    }

    @Test
    void theOrderOfASumDoesNotMatter() {
        models.with("base", DType.F64, Models.random(1, DType.F64, 5000));
        models.with("a", DType.F64, Models.random(2, DType.F64, 5000));
        models.with("b", DType.F64, Models.random(3, DType.F64, 5000));
        models.with("c", DType.F64, Models.random(4, DType.F64, 5000));
        DeltaSum.Term a = new DeltaSum.Term(Factor.of("0.3"), diff("a", "base"));
        DeltaSum.Term b = new DeltaSum.Term(Factor.of("0.7"), diff("b", "base"));
        DeltaSum.Term c = new DeltaSum.Term(Factor.of("1.1"), diff("c", "base"));
        Path one = models.merge(add("base", "1", new DeltaSum(List.of(a, b, c))));
        Path two = models.merge(add("base", "1", new DeltaSum(List.of(c, a, b))));
        assertThat(Models.bytes(one)).isEqualTo(Models.bytes(two));
    }

    @Test
    void aResultTooLargeForItsDtypeIsRefused() {
        models.with("base", DType.F16, 1, 60000).with("a", DType.F16, 1, 65504);
        assertThatThrownBy(() -> models.merge(add("base", "2", diff("a", "base"))))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'w'")
                .hasMessageContaining("element 1")
                .hasMessageContaining("F16");
    }

    @Test
    void aSumNeedsTerms() {
        assertThatThrownBy(() -> new DeltaSum(List.of())).isInstanceOf(SoupException.class);
        assertThat(load("a")).isEqualTo(new Load("a"));
    }
}
