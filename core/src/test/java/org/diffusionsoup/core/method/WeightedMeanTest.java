package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.diffusionsoup.core.method.Models.add;
import static org.diffusionsoup.core.method.Models.big;
import static org.diffusionsoup.core.method.Models.diff;
import static org.diffusionsoup.core.method.Models.load;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.Factor.Rule;
import org.diffusionsoup.core.method.WeightedMean.Term;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The mean: the souper's bytes at the root, double inside other methods, and its coefficients. */
class WeightedMeanTest {
    private static final int N = 20_000;
    @TempDir private Path folder;
    private Models models;

    @BeforeEach
    void start() {
        models = new Models(folder);
    }

    private void three(DType dtype) {
        models.with("a", dtype, Models.random(1, dtype, N));
        models.with("b", dtype, Models.random(2, dtype, N));
        models.with("c", dtype, Models.random(3, dtype, N));
    }

    private static Term term(String k, String input) {
        return new Term(Factor.of(k), load(input));
    }

    private byte[] souper(String ka, String kb, String kc) {
        Path out = folder.resolve("souper.safetensors");
        Souper.create()
                .replaceExisting(true)
                .make(
                        List.of(
                                SoupIngredient.of(models.path("a"), Coefficient.parse(ka)),
                                SoupIngredient.of(models.path("b"), Coefficient.parse(kb)),
                                SoupIngredient.of(models.path("c"), Coefficient.parse(kc))),
                        out);
        return Models.data(out);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
    void hasTheSoupersBytes(DType dtype) {
        three(dtype);
        Path out =
                models.merge(
                        new WeightedMean(
                                List.of(term("1/3", "a"), term("2", "b"), term("0.7", "c"))));
        assertThat(Models.data(out)).isEqualTo(souper("1/3", "2", "0.7"));
    }

    @Test
    void aMeanOfMeansIsOneMeanExactly() {
        three(DType.F32);
        WeightExpr inner = new WeightedMean(List.of(term("1", "a"), term("1", "b")));
        WeightExpr outer =
                new WeightedMean(
                        List.of(
                                new Term(Factor.of("2"), inner),
                                new Term(Factor.of("1"), WeightedMean.of(load("c"), load("a")))));
        assertThat(Models.data(models.merge(outer))).isEqualTo(souper("3", "2", "1"));
    }

    @Test
    void insideOtherMethodsItIsTheMeanToRounding() {
        three(DType.F32);
        double[] a = Models.values(models.path("a"), "w");
        double[] b = Models.values(models.path("b"), "w");
        double[] c = Models.values(models.path("c"), "w");
        WeightExpr mean = new WeightedMean(List.of(term("1", "b"), term("2", "c")));
        double[] got = models.w(add("a", "1/2", new Difference(mean, load("a"))));
        for (int i = 0; i < N; i++) {
            BigDecimal m =
                    big(b[i])
                            .add(big(c[i]).multiply(big(2)))
                            .divide(big(3), MathContext.DECIMAL128);
            BigDecimal exact = big(a[i]).add(m.subtract(big(a[i])).multiply(big(0.5)));
            assertThat(Models.isRounded(DType.F32, got[i], exact, 4)).isTrue();
        }
    }

    @Test
    void coefficientsPerBlockFirstMatchWins() {
        models.with(
                "a",
                Models.tensor("down.0.w", DType.F32, 1),
                Models.tensor("down.1.w", DType.F32, 1),
                Models.tensor("mid.w", DType.F32, 1),
                Models.tensor("out.bias", DType.F32, 1));
        models.with(
                "b",
                Models.tensor("down.0.w", DType.F32, 5),
                Models.tensor("down.1.w", DType.F32, 5),
                Models.tensor("mid.w", DType.F32, 5),
                Models.tensor("out.bias", DType.F32, 5));
        Factor k =
                new Factor(
                        List.of(
                                new Rule(NamePattern.glob("down.0.*"), Rational.of(3)),
                                new Rule(NamePattern.regex("down\\.\\d+\\.w"), Rational.of(0)),
                                new Rule(NamePattern.glob("*.bias"), Rational.parse("1/3"))),
                        Rational.ONE);
        Path out = models.merge(new WeightedMean(List.of(term("1", "a"), new Term(k, load("b")))));
        assertThat(Models.values(out, "down.0.w")).containsExactly(4);
        assertThat(Models.values(out, "down.1.w")).containsExactly(1);
        assertThat(Models.values(out, "mid.w")).containsExactly(3);
        assertThat(Models.values(out, "out.bias")).containsExactly(2);
    }

    @Test
    void taskArithmeticPerBlock() {
        models.with(
                "base", Models.tensor("down.w", DType.F32, 1), Models.tensor("up.w", DType.F32, 1));
        models.with(
                "a", Models.tensor("down.w", DType.F32, 3), Models.tensor("up.w", DType.F32, 3));
        Factor scale =
                new Factor(
                        List.of(new Rule(NamePattern.glob("down*"), Rational.parse("-1/2"))),
                        Rational.of(2));
        Path out = models.merge(new AddDelta(load("base"), scale, diff("a", "base")));
        assertThat(Models.values(out, "down.w")).containsExactly(0);
        assertThat(Models.values(out, "up.w")).containsExactly(5);
    }

    @Test
    void coefficientsAreChecked() {
        three(DType.F16);
        assertThatThrownBy(() -> term("-1", "a")).hasMessageContaining("at least 0, not -1");
        assertThatThrownBy(() -> new WeightedMean(List.of())).isInstanceOf(SoupException.class);
        assertThatThrownBy(() ->
                        models.merge(new WeightedMean(List.of(term("0", "a"), term("0", "b")))))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("0 for tensor 'w'");
    }

    @Test
    void aPatternThatFitsNothingIsRefused() {
        three(DType.F16);
        Factor k =
                new Factor(
                        List.of(new Rule(NamePattern.glob("unet.*"), Rational.of(3))),
                        Rational.ONE);
        assertThatThrownBy(() -> models.merge(new WeightedMean(List.of(new Term(k, load("a"))))))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'unet.*' fits no tensor");
    }

    @Test
    void globsAndExpressionsFitWholeNames() {
        assertThat(NamePattern.glob("a.*").matches("a.b.c")).isTrue();
        assertThat(NamePattern.glob("a.*").matches("ab.c")).isFalse();
        assertThat(NamePattern.glob("a").matches("a.b")).isFalse();
        assertThat(NamePattern.glob("?.w").matches("x.w")).isTrue();
        assertThat(NamePattern.glob("[ab]+(*").matches("[ab]+(x")).isTrue();
        assertThat(NamePattern.regex("a|b").matches("ab")).isFalse();
        assertThatThrownBy(() -> NamePattern.regex("(")).hasMessageContaining("no regular");
        String hostile = "a".repeat(60) + "!";
        assertThatThrownBy(() -> NamePattern.regex("(.*a){25}!?x").matches(hostile))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("too long to match");
    }
}
