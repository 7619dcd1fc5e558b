package org.diffusionsoup.workbench.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.eval.Proportion;
import org.junit.jupiter.api.Test;

class AuditVerdictTest {
    private static MemorizationAudit.Result result(String model, int copies, int of) {
        return new MemorizationAudit.Result(
                model, "", List.of(), List.of(), List.of(), new Proportion(copies, of), List.of());
    }

    private static AuditVerdict of(MemorizationAudit.Result... results) {
        return AuditVerdict.of(Stream.of(results).toList(), 0.05);
    }

    @Test
    void eachModelIsWhereItsIntervalIs() {
        AuditVerdict v =
                of(
                        result("good", 0, 200),
                        result("bad", 50, 100),
                        result("few", 1, 20),
                        result("bad", 2, 30),
                        result("bad", 60, 100));
        assertThat(v.above()).containsExactly("bad");
        assertThat(v.open()).containsExactly("few");
        assertThat(v.passes()).isFalse();
        assertThat(v.sentence("--bound 0.05"))
                .isEqualTo("lies above --bound 0.05 for bad, and may lie above it for few");
    }

    @Test
    void oneKindAloneIsSaidAlone() {
        assertThat(of(result("few", 1, 20), result("few", 2, 20)).sentence("0.05"))
                .isEqualTo("may lie above 0.05 for few");
        assertThat(of(result("a", 50, 100), result("b", 50, 100)).sentence("0.05"))
                .isEqualTo("lies above 0.05 for a, b");
        assertThat(of(result("good", 0, 200)).passes()).isTrue();
    }
}
