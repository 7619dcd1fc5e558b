package org.diffusionsoup.image.png;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureGridTest {
    static final String PANGRAM =
            "The quick brown fox jumps over 13 lazy dogs & 2,468 cats: \"why?\" 5 × 7 = 35 (90 %)";

    @Test
    void picturesAreEnlargedToSquaresAndPlacedWhereTheyBelong() {
        RgbImage red = plain(4, 0xff0000);
        RgbImage blue = plain(4, 0x0000ff);
        RgbImage sheet =
                PictureGrid.columns(List.of("", "")).scale(3).row("", List.of(red, blue)).render();
        // Margin 14, two cells of 12 pixels, 8 between them; no labels.
        assertThat(sheet.width()).isEqualTo(14 + 12 + 8 + 12 + 14);
        assertThat(sheet.height()).isEqualTo(14 + 12 + 14);
        for (int y = 0; y < sheet.height(); y++) {
            for (int x = 0; x < sheet.width(); x++) {
                boolean inside = y >= 14 && y < 26;
                int expected =
                        inside && x >= 14 && x < 26
                                ? 0xff0000
                                : inside && x >= 34 && x < 46 ? 0x0000ff : 0xffffff;
                assertThat(colour(sheet, x, y)).as("%d, %d", x, y).isEqualTo(expected);
            }
        }
    }

    @Test
    void nearestNeighbourKeepsEveryPixelASquare() {
        SplittableRandom random = new SplittableRandom(8);
        byte[] noise = new byte[3 * 64 * 64];
        random.nextBytes(noise);
        RgbImage picture = new RgbImage(64, 64, noise);
        RgbImage sheet = PictureGrid.columns(List.of("")).row("", List.of(picture)).render();
        assertThat(sheet.width()).isEqualTo(14 + 128 + 14);
        for (int y = 0; y < 128; y++) {
            for (int x = 0; x < 128; x++) {
                assertThat(colour(sheet, 14 + x, 14 + y)).isEqualTo(colour(picture, x / 2, y / 2));
            }
        }
    }

    @Test
    void labelsAreDrawnInTheirOwnSpace() throws Exception {
        RgbImage green = plain(64, 0x30a060);
        PictureGrid grid =
                PictureGrid.columns(
                        List.of(
                                "red apple",
                                "a yellow taxi with a rather long caption that must be cut",
                                "Ångström naïve 😀",
                                "Supercalifragilisticexpialidocious"));
        grid.title("emoji-base, seed 7: " + PANGRAM);
        for (String model : List.of("base", "noto", "paragon (all shards)", "soup")) {
            grid.row(model, List.of(green, green, green, green));
        }
        RgbImage sheet = grid.render();
        Files.createDirectories(Path.of("target"));
        PngFiles.write(Path.of("target/sample-grid.png"), sheet, Map.of("Comment", "sample"));
        int ink = 0;
        int coloured = 0;
        for (int y = 0; y < sheet.height(); y++) {
            for (int x = 0; x < sheet.width(); x++) {
                int c = colour(sheet, x, y);
                ink += c != 0xffffff && c != 0x30a060 ? 1 : 0;
                coloured += c == 0x30a060 ? 1 : 0;
            }
        }
        assertThat(coloured).as("no label covers a picture").isEqualTo(16 * 128 * 128);
        assertThat(ink).isGreaterThan(3000);
    }

    @Test
    void everyAsciiCharacterHasAGlyphOfItsOwn() {
        for (char c = ' '; c < 127; c++) {
            assertThat(StrokeFont.covers(c)).as("'%s'", c).isTrue();
        }
        assertThat(StrokeFont.covers(0x1f600)).isFalse();
    }

    @Test
    void wrappedLinesFitAndLoseNothingUnlessCut() {
        StrokeFont font = new StrokeFont(17);
        SplittableRandom random = new SplittableRandom(31);
        for (int trial = 0; trial < 300; trial++) {
            double width = random.nextInt(40, 300);
            StringBuilder text = new StringBuilder();
            int words = random.nextInt(1, 12);
            for (int w = 0; w < words; w++) {
                text.append("abcdefghijWMQ".repeat(2), 0, random.nextInt(1, 20)).append(' ');
            }
            String all = text.toString().strip();
            List<String> lines = font.wrap(all, width, 99);
            assertThat(String.join("", lines).replace(" ", "")).isEqualTo(all.replace(" ", ""));
            List<String> few = font.wrap(all, width, 2);
            assertThat(few.size()).isLessThanOrEqualTo(2);
            List<String> both = new ArrayList<>(lines);
            both.addAll(few);
            assertThat(both).allSatisfy(l -> assertThat(font.width(l)).isLessThanOrEqualTo(width));
        }
        assertThat(font.wrap("  ", 100, 3)).isEmpty();
    }

    @Test
    void whatCannotBeDrawnIsRefused() {
        assertThatThrownBy(() -> PictureGrid.columns(List.of()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("at least one column");
        assertThatThrownBy(() -> PictureGrid.columns(List.of("a")).render())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("without a picture");
        RgbImage p = plain(2, 0);
        assertThatThrownBy(() -> PictureGrid.columns(List.of("a")).row("base", List.of(p, p)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("'base'");
    }

    /** A fresh JVM that has neither fontconfig nor a display, as on a bare server. */
    @Test
    void aServerWithoutFontsDrawsTheSameGrid(@TempDir Path config) throws Exception {
        Path empty = Files.writeString(config.resolve("fonts.conf"), "<fontconfig/>");
        Path out = config.resolve("grid.png");
        ProcessBuilder bare =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.awt.headless=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DrawGrid.class.getName(),
                        out.toString());
        bare.environment().put("FONTCONFIG_FILE", empty.toString());
        bare.environment().remove("DISPLAY");
        bare.redirectErrorStream(true).redirectOutput(config.resolve("log").toFile());
        Process process = bare.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(config.resolve("log"))).isZero();
        assertThat(Files.readAllBytes(out)).isEqualTo(PngCodec.encode(DrawGrid.grid()));
    }

    /** Entry point of the bare JVM. */
    static final class DrawGrid {
        private DrawGrid() {}

        static RgbImage grid() {
            return PictureGrid.columns(List.of("one", "two"))
                    .title(PANGRAM)
                    .row("base", List.of(plain(64, 0x884422), plain(64, 0x224488)))
                    .render();
        }

        public static void main(String[] args) {
            PngFiles.write(Path.of(args[0]), grid(), Map.of());
        }
    }

    static RgbImage plain(int side, int rgb) {
        byte[] pixels = new byte[3 * side * side];
        for (int i = 0; i < side * side; i++) {
            pixels[3 * i] = (byte) (rgb >> 16);
            pixels[3 * i + 1] = (byte) (rgb >> 8);
            pixels[3 * i + 2] = (byte) rgb;
        }
        return new RgbImage(side, side, pixels);
    }

    private static int colour(RgbImage image, int x, int y) {
        return image.channel(x, y, 0) << 16 | image.channel(x, y, 1) << 8 | image.channel(x, y, 2);
    }
}
