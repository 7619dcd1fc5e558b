package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PictureSizeTest {
    @Test
    void oneNumberIsASquareAndTwoAreWidthAndHeight() {
        assertThat(PictureSize.parse("512")).isEqualTo(new PictureSize(512, 512));
        assertThat(PictureSize.parse("768x512")).isEqualTo(new PictureSize(768, 512));
        assertThat(PictureSize.parse(" 768×512")).isEqualTo(new PictureSize(768, 512));
        assertThat(PictureSize.parse("64").text()).isEqualTo("64");
        assertThat(PictureSize.parse("64x96").text()).isEqualTo("64x96");
        assertThat(PictureSize.parse("64x64").text()).isEqualTo("64");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0",
                "-64",
                "64x",
                "x64",
                "64x0",
                "64*96",
                "1e3",
                "9999999999",
                "64x64x3"
            })
    void anythingElseIsRefused(String text) {
        assertThatThrownBy(() -> PictureSize.parse(text))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`size` must be");
    }
}
