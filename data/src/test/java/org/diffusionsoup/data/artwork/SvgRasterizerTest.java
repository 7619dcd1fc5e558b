package org.diffusionsoup.data.artwork;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SvgRasterizerTest {
    @TempDir Path dir;

    private static RgbImage draw(String body, double margin) {
        String svg =
                "<svg xmlns=\"http://www.w3.org/2000/svg\""
                        + " xmlns:xlink=\"http://www.w3.org/1999/xlink\""
                        + " viewBox=\"0 0 8 8\" width=\"8\" height=\"8\">"
                        + body
                        + "</svg>";
        return SvgRasterizer.draw(svg, 16, margin, "it");
    }

    @Test
    void fillsClipsAndUses() {
        RgbImage image =
                draw(
                        """
                        <defs><path id="p" d="M0 0h8v8h-8z"/></defs>
                        <clipPath id="c"><use xlink:href="#p" transform="translate(4)"/></clipPath>
                        <g clip-path="url(#c)"><path fill="#0080ff" d="M0 0h8v8h-8z"/></g>
                        """,
                        0);
        assertThat(colour(image, 3, 8)).isEqualTo(0xffffff);
        assertThat(colour(image, 12, 8)).isEqualTo(0x0080ff);
    }

    @Test
    void gradientsRunFromStopToStop() {
        RgbImage image =
                draw(
                        """
                        <linearGradient id="g"><stop stop-color="#000"/><stop offset="1"
                        stop-color="#fff"/></linearGradient>
                        <path fill="url(#g)" d="M0 0h8v8h-8z"/>
                        """,
                        0);
        assertThat(image.channel(0, 8, 0)).isLessThan(20);
        assertThat(image.channel(8, 8, 0)).isBetween(115, 150);
        assertThat(image.channel(15, 8, 0)).isGreaterThan(235);
    }

    @Test
    void aMarginLeavesWhiteAndANegativeOneCutsNothingOff() {
        RgbImage framed = draw("<path d=\"M0 0h8v8h-8z\"/>", 2);
        assertThat(colour(framed, 1, 8)).isEqualTo(0xffffff);
        assertThat(colour(framed, 2, 8)).isZero();
        RgbImage small = draw("<path d=\"M2 2h4v4h-4z\"/>", -2);
        assertThat(colour(small, 3, 8)).as("enlarged: 2/8 of 20 pixels, less 2").isZero();
        assertThat(colour(small, 2, 8)).isEqualTo(0xffffff);
        RgbImage wide = draw("<path d=\"M0 3h8v2h-8z\"/>", -2);
        assertThat(wide).isEqualTo(draw("<path d=\"M0 3h8v2h-8z\"/>", 0));
    }

    private static int[] trimmed(String body) {
        return SvgRasterizer.drawTrimmed(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 400\" width=\"800\""
                        + " height=\"400\">"
                        + body
                        + "</svg>",
                16,
                "it");
    }

    @Test
    void aTrimmedDrawingFillsTheLongerSideHoweverSmallItIsOnItsPage() {
        // 6 by 3 of 800 by 400 units, far from the middle.
        int[] argb = trimmed("<path fill=\"#c80000\" d=\"M700 20h6v3h-6z\"/>");
        for (int i = 0; i < argb.length; i++) {
            boolean inside = i / 16 >= 4 && i / 16 < 12;
            // Edges are right to a tenth of a pixel.
            assertThat(argb[i] >>> 24).isBetween(inside ? 223 : 0, inside ? 255 : 32);
            assertThat(argb[i] & 0xffffff).isIn(0, 0xc80000);
        }
    }

    @Test
    void partsTooThinToSeeOnThePageAreNotCutOff() {
        // A square of 40 with a hair of 0.2 units to the right, as long again.
        int[] argb = trimmed("<path d=\"M50 50h40v40h-40zM90 70h40v0.2h-40z\"/>");
        assertThat(argb[16 * 8 + 4]).isEqualTo(0xff000000);
        assertThat(argb[16 * 5 + 9] >>> 24).as("above the hair").isZero();
        int alpha = 0;
        for (int y = 0; y < 16; y++) {
            alpha += argb[16 * y + 15] >>> 24;
        }
        assertThat(alpha).as("the hair's end").isPositive();
    }

    @Test
    void alphaIsStraight() {
        int[] argb = trimmed("<path fill=\"#c86432\" fill-opacity=\"0.5\" d=\"M9 9h4v4h-4z\"/>");
        assertThat(argb[0] >>> 24).isBetween(100, 128);
        assertThat(argb[17] >>> 24).isBetween(127, 128);
        // Not halved, as colours multiplied by alpha would be.
        assertThat(argb[17] >> 16 & 0xff).isBetween(0xc7, 0xc9);
        assertThat(argb[0] >> 8 & 0xff).isBetween(0x62, 0x66);
    }

    @Test
    void whatIllustratorPutsIntoASwitchIsDrawn() {
        int[] argb =
                trimmed(
                        """
                        <switch><foreignObject requiredExtensions="x" width="1" height="1"/>
                        <g><path fill="#0a0" d="M0 0h8v8h-8z"/></g></switch>
                        """);
        assertThat(Arrays.stream(argb))
                .allMatch(pixel -> (pixel & 0xffffff) == 0xaa00 && pixel >>> 24 > 220);
    }

    @Test
    void aDrawingOfNothingIsRefused() {
        assertThatThrownBy(() -> trimmed("<path fill=\"none\" d=\"M0 0h8v8h-8z\"/>"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("nothing of it is visible");
    }

    @Test
    void iconAliasesAreFlippedAndTurned() throws IOException {
        Files.writeString(
                dir.resolve("icons.json"),
                """
                {"width": 8, "height": 8,
                 "icons": {"left": {"body": "<path d=\\"M0 0h2v8h-2z\\"/>"}},
                 "aliases": {"right": {"parent": "left", "hFlip": true},
                             "top": {"parent": "left", "rotate": 1},
                             "bottom": {"parent": "right", "rotate": 1}}}
                """);
        Files.writeString(
                dir.resolve("chars.json"),
                """
                {"1f448": "left", "1f449-fe0f": "right", "1f446": "top", "1f447": "bottom",
                 "1f440": "gone"}
                """);
        IconifyIcons icons = new IconifyIcons(dir);
        assertThat(inked(icons, "1f448")).isEqualTo("left");
        assertThat(inked(icons, "1f449")).isEqualTo("right");
        assertThat(inked(icons, "1f446")).isEqualTo("top");
        assertThat(inked(icons, "1f447")).isEqualTo("bottom");
        assertThat(icons.svg("1f440")).isEmpty();
        assertThat(icons.svg("1f111")).isEmpty();
    }

    private static String inked(IconSource icons, String hex) {
        RgbImage image = SvgRasterizer.draw(icons.svg(hex).orElseThrow(), 16, 0, hex);
        String sides = "";
        sides += colour(image, 1, 8) == 0 ? "left" : "";
        sides += colour(image, 14, 8) == 0 ? "right" : "";
        sides += colour(image, 8, 1) == 0 ? "top" : "";
        sides += colour(image, 8, 14) == 0 ? "bottom" : "";
        return sides;
    }

    private static int colour(RgbImage image, int x, int y) {
        return image.channel(x, y, 0) << 16 | image.channel(x, y, 1) << 8 | image.channel(x, y, 2);
    }
}
