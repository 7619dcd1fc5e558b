package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

class FlagsTest {
    @Test
    void settingsBecomeFlags() {
        assertThat(Flags.in("`steps` must be at least 1, not 0."))
                .isEqualTo("--steps must be at least 1, not 0.");
        assertThat(Flags.in("name another `out`, or add `force` to replace it"))
                .isEqualTo("name another --out, or add --force to replace it");
        assertThat(Flags.in("soup convert a `out` b `predictionType` TYPE"))
                .isEqualTo("soup convert a --out b --prediction-type TYPE");
        assertThat(Flags.in(List.of("lower `maxBits`", "sound")))
                .containsExactly("lower --max-bits", "sound");
    }

    @Test
    void someFlagsHaveNamesOfTheirOwn() {
        assertThat(Flags.in("`learningRate`, `emaDecay`, `ema`")).isEqualTo("--lr, --ema, --ema");
    }

    @Test
    void otherWordsInBackQuotesStay() {
        assertThat(Flags.in("`a caption` of `results.csv` and `git`, a ` and a `"))
                .isEqualTo("`a caption` of `results.csv` and `git`, a ` and a `");
    }

    @Test
    void failuresNameFlags() {
        assertThat(Failures.sentence(new SoupException("`steps` must be at least 1, not 0.")))
                .isEqualTo("--steps must be at least 1, not 0.");
    }
}
