package org.diffusionsoup.workbench.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class HttpTest {
    /** Its message is the host's name alone, which says nothing of what is wrong. */
    @Test
    void aHostThatNobodyKnowsIsCalledUnknown() {
        assertThat(Http.words(new UnknownHostException("hub.example"))).isEqualTo("unknown host");
        assertThat(Http.words(new IOException("connection reset"))).isEqualTo("connection reset");
    }
}
