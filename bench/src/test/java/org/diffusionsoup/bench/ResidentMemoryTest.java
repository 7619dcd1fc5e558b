package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.diffusionsoup.workbench.ProcessMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class ResidentMemoryTest {
    private static final long MIB = 1 << 20;

    private static List<Long> samples(LongStream mib) {
        return new ArrayList<>(mib.map(m -> m * MIB).boxed().toList());
    }

    @Test
    void growthIsDrift() {
        ResidentMemory m = ResidentMemory.of(samples(LongStream.range(1000, 1100)));
        assertThat(m.min()).isEqualTo(1000);
        assertThat(m.median()).isEqualTo(1049.5);
        assertThat(m.max()).isEqualTo(1099);
        assertThat(m.driftPercent()).isCloseTo(100 * 90 / 1004.5, within(1e-9));
        assertThat(m.isFlat()).isFalse();
    }

    @Test
    void aPeakThatGoesAwayAgainIsSpread() {
        List<Long> samples = samples(LongStream.generate(() -> 1000).limit(100));
        assertThat(ResidentMemory.of(samples).isFlat()).isTrue();
        samples.set(50, 1021 * MIB);
        ResidentMemory m = ResidentMemory.of(samples);
        assertThat(m.driftPercent()).isZero();
        assertThat(m.spreadPercent()).isCloseTo(2.1, within(1e-9));
        assertThat(m.isFlat()).isFalse();
    }

    @Test
    void littleOfBothIsFlat() {
        assertThat(ResidentMemory.of(samples(LongStream.of(995, 1000, 1005, 1010))).isFlat())
                .isTrue();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void thisProcessHasMemory() {
        assertThat(ProcessMemory.resident().orElseThrow()).isGreaterThan(MIB);
    }
}
