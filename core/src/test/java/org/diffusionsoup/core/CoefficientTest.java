package org.diffusionsoup.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CoefficientTest {
    @ParameterizedTest
    @CsvSource({
        "0.25, 1/4",
        "1/3, 1/3",
        "2, 2",
        " 4/6 , 2/3",
        "1e-3, 1/1000",
        "0.5/1.5, 1/3",
        "1e3, 1000"
    })
    void numbersAreReadExactly(String text, String shown) {
        assertThat(Coefficient.parse(text)).hasToString(shown);
        assertThat(Coefficient.parse(shown)).isEqualTo(Coefficient.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "x", "1/", "/2", "1/2/3", "NaN", "1e999999999", "0", "-1", "1/0", "0x1"})
    void otherTextsAreRefused(String text) {
        assertThatThrownBy(() -> Coefficient.parse(text))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("coefficient");
    }

    @Test
    void numbersBeyondAllUseAreSaidToBe() {
        for (String far : new String[] {"1e-400", "1e400", "1/1e300"}) {
            assertThatThrownBy(() -> Coefficient.parse(far))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("too small or too large");
        }
        assertThat(Coefficient.parse("1e-100").value()).isEqualTo(1e-100);
    }

    /** Said of what was typed: no coefficient of 1 over 0 has come about. */
    @Test
    void aDivisionByZeroIsNoCoefficient() {
        assertThatThrownBy(() -> Coefficient.parse("1/0"))
                .hasMessage("'1/0' is no coefficient; write a number such as 2, 0.25 or 1/3.");
    }

    @Test
    void doublesAreRoundedToTwelveDecimals() {
        assertThat(Coefficient.of(0.1)).hasToString("1/10");
        assertThat(Coefficient.of(1.0 / 3)).hasToString("333333333333/1000000000000");
        for (double bad : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-13}) {
            assertThatThrownBy(() -> Coefficient.of(bad)).isInstanceOf(SoupException.class);
        }
    }

    @Test
    void integersHaveTheSameProportionsInLowestTerms() {
        assertThat(integers("0.5", "1/3", "1/6")).containsExactly(3, 2, 1);
        assertThat(integers("7", "7", "7")).containsExactly(1, 1, 1);
        assertThatThrownBy(() -> integers("0.12345678901234567", "1"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("12 decimals");
    }

    private static long[] integers(String... texts) {
        return Coefficient.integers(Stream.of(texts).map(Coefficient::parse).toList());
    }

    @Test
    void anEmptyListIsRefused() {
        assertThatThrownBy(() -> Coefficient.integers(List.of())).isInstanceOf(SoupException.class);
    }
}
