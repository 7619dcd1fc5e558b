package org.diffusionsoup.registry.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.gate.Requirement.Named;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What may be asked for before a soup is handed out. */
class RequirementTest {
    @Test
    void requirementsAreReadAsTheyAreWritten() {
        assertThat(Requirement.parse(" review ")).isEqualTo(new Named("review"));
        assertThat(Requirement.parse("audit(bound=0.05,pictures>=200)"))
                .isEqualTo(new Audit(0.05, 200, List.of()));
        Audit some = new Audit(.1, 100, List.of("a", "b,c"));
        assertThat(Requirement.parse("audit ( bound = .1 , pictures >= 100, shards = a  b,c )"))
                .isEqualTo(some);
        assertThat(Requirement.parse(some.text())).isEqualTo(some);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                ",",
                "audit",
                "audit()",
                "audit(bound=0.05)",
                "audit(pictures>=200)",
                "audit(bound=1, pictures>=200)",
                "audit(bound=0, pictures>=200)",
                "audit(bound=0.05, pictures>=1)",
                "audit(bound=0.05, pictures>=0)",
                "a b"
            })
    void whatAsksForNothingIsRefused(String text) {
        assertThatThrownBy(() -> Requirement.parse(text)).isInstanceOf(RegistryException.class);
    }

    /** Wilson's interval of no hit among n ends at z² / (n + z²). */
    @Test
    void theFewestPicturesThatShowABound() {
        double z2 = 1.959963984540054 * 1.959963984540054;
        assertThat(Audit.upper(0, 200)).isEqualTo(z2 / (200 + z2), within(1e-12));
        for (double bound : new double[] {.3, .05, .02, .01}) {
            long n = Audit.fewest(bound, 0);
            assertThat(z2 / (n + z2)).isLessThanOrEqualTo(bound);
            assertThat(z2 / (n - 1 + z2)).isGreaterThan(bound);
        }
        assertThat(Audit.fewest(.05, 0)).isEqualTo(73);
        assertThat(Audit.fewest(.05, 1)).isGreaterThan(73);
        assertThatThrownBy(() -> Audit.fewest(.01, 1)).hasMessageContaining("never within");
        assertThatThrownBy(() -> new Audit(.05, 72, List.of())).hasMessageContaining("takes 73");
    }

    @Test
    void whoeverOverrulesGivesANameAndAReason() {
        assertThat(Overruling.parse("Ann Lee: see ticket 7: fine"))
                .isEqualTo(new Overruling("Ann Lee", "see ticket 7: fine"));
        for (String text : new String[] {"", "Ann", "Ann:", ": reason"}) {
            assertThatThrownBy(() -> Overruling.parse(text)).isInstanceOf(RegistryException.class);
        }
    }
}
