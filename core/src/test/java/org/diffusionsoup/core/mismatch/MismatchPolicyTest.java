package org.diffusionsoup.core.mismatch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.junit.jupiter.api.Test;

/** Policies in the words of recipes. */
class MismatchPolicyTest {
    @Test
    void everyPolicyIsReadAsItWasDescribed() {
        Set<Map<String, String>> descriptions = new HashSet<>();
        for (OnMissing missing : OnMissing.values()) {
            for (OnExtra extra : OnExtra.values()) {
                for (OnDtype dtype : OnDtype.values()) {
                    for (OnShape shape : OnShape.values()) {
                        for (OnFiles files : OnFiles.values()) {
                            for (OnInteger integers : OnInteger.values()) {
                                MismatchPolicy policy =
                                        new MismatchPolicy(
                                                missing, extra, dtype, shape, files, integers);
                                Map<String, String> options = new TreeMap<>();
                                policy.describe(options);
                                assertThat(MismatchPolicy.of(options)).isEqualTo(policy);
                                descriptions.add(options);
                            }
                        }
                    }
                }
            }
        }
        assertThat(descriptions).as("all of them different").hasSize(3 * 3 * 3 * 3 * 2 * 2);
    }

    @Test
    void otherKeysAreNotLookedAtAndOtherValuesAreRefused() {
        assertThat(MismatchPolicy.of(Map.of("dtype", "F16", "first_name", "a")))
                .isEqualTo(MismatchPolicy.REFUSE);
        assertThat(MismatchPolicy.of(Map.of("on_shape", "refuse")))
                .isEqualTo(MismatchPolicy.REFUSE);
        for (String key :
                Set.of(
                        "on_missing",
                        "on_extra",
                        "on_dtype",
                        "on_shape",
                        "on_files",
                        "on_integers")) {
            assertThatThrownBy(() -> MismatchPolicy.of(Map.of(key, "guess")))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("'guess' is no value of " + key)
                    .hasMessageContaining("refuse, ");
        }
        assertThatThrownBy(() -> MismatchPolicy.of(Map.of("on_missing", "average-present")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("average_present");
    }
}
