package org.diffusionsoup.diffusion.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessorTest {
    @Test
    void thisOneHasAName() {
        assertThat(Processor.name()).isNotBlank().doesNotContain("\n").isEqualTo(Processor.name());
    }

    @Test
    void namesTellModelsAndVectorsApart() {
        String one = Processor.name(cpu("AMD EPYC", "25", "17", "fpu avx2 avx512f avx512_bf16"));
        assertThat(one).isEqualTo("AMD EPYC, family 25, model 17, avx512_bf16");
        assertThat(Processor.name(cpu("AMD EPYC", "25", "1", "fpu avx2")))
                .isEqualTo("AMD EPYC, family 25, model 1, avx2");
    }

    @Test
    void armIsNamedByItsNumbers() {
        assertThat(
                        Processor.name(
                                List.of(
                                        "processor\t: 0",
                                        "Features\t: fp asimd sve",
                                        "CPU implementer\t: 0x41",
                                        "CPU part\t: 0xd40")))
                .isEqualTo("0x41 0xd40, sve");
    }

    @Test
    void whereTheSystemTellsNothingJavaDoes() {
        assertThat(Processor.name(List.of())).isNotBlank();
    }

    private static List<String> cpu(String name, String family, String model, String flags) {
        return List.of(
                "cpu family\t: " + family,
                "model\t\t: " + model,
                "model name\t: " + name,
                "flags\t\t: " + flags);
    }
}
