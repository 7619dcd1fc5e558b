package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.generate.Sampler;
import org.diffusionsoup.workbench.generate.Source;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup generate --image} on the embedded base. */
class GenerateFromPictureTest {
    private static final Path BASE = Path.of("..", "models", "emoji-base");

    @TempDir private Path folder;
    private Path picture;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    /** A red square on white, 64 pixels wide and 48 high. */
    @BeforeEach
    void aPicture() {
        picture = folder.resolve("square.png");
        write(picture, 64, 48, (x, y) -> x >= 16 && x < 48 && y >= 12 && y < 36 ? 0xE02020 : -1);
    }

    private interface Colours {
        int at(int x, int y);
    }

    private static void write(Path file, int width, int height, Colours colours) {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < width * height; i++) {
            int colour = colours.at(i % width, i / width);
            rgb[3 * i] = (byte) (colour >> 16);
            rgb[3 * i + 1] = (byte) (colour >> 8);
            rgb[3 * i + 2] = (byte) colour;
        }
        PngFiles.write(file, new RgbImage(width, height, rgb), Map.of());
    }

    @Test
    void whatIsDrawnFromIsNotReplacedAndSizesAndPromptsAreLookedAt() throws IOException {
        Path own = folder.resolve("own.png");
        draw("own.png").ok();
        byte[] before = Files.readAllBytes(own);
        draw("own.png", "--image", own).fails(2, "is the picture that is drawn from");
        draw("own.png", "--image", picture, "--mask", own).fails(2, "drawn from");
        assertThat(own).hasBinaryContent(before);
        draw("x.png", "--size", 0).fails(2, "--size must be at least 1 pixel, not 0");
        Path text = Files.writeString(folder.resolve("text.png"), "mine");
        Run refused = draw("text.png");
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.err()).contains("it is not replaced. Name").doesNotContain("--force");
        assertThat(text).hasContent("mine");
        Run empty =
                Run.of(
                        "generate",
                        "--model",
                        BASE,
                        "--prompt",
                        "",
                        "--steps",
                        1,
                        "-o",
                        folder.resolve("e.png"));
        assertThat(empty.ok().err()).contains("A --prompt is empty");
    }

    private Run draw(String name, Object... more) {
        List<Object> words = new ArrayList<>(List.of("generate", "--model", BASE));
        words.addAll(List.of("--prompt", "noto red apple", "--steps", 10));
        words.addAll(List.of("--scheduler", "ddim", "-o", folder.resolve(name)));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private RgbImage read(String name) throws IOException {
        return PngCodec.decode(Files.readAllBytes(folder.resolve(name)), name);
    }

    /** Mean difference of a channel over some columns. */
    private static double difference(RgbImage a, RgbImage b, int from, int to) {
        assertThat(b.width()).isEqualTo(a.width());
        assertThat(b.height()).isEqualTo(a.height());
        double sum = 0;
        for (int y = 0; y < a.height(); y++) {
            for (int x = from; x < to; x++) {
                for (int c = 0; c < 3; c++) {
                    sum += Math.abs(a.channel(x, y, c) - b.channel(x, y, c));
                }
            }
        }
        return sum / (3.0 * a.height() * (to - from));
    }

    @Test
    void lessStrengthKeepsMoreOfThePicture() throws IOException {
        draw("little.png", "--image", picture, "--strength", 0.2).ok();
        draw("all.png", "--image", picture, "--strength", 1).ok();
        RgbImage given = read("square.png");
        double little = difference(given, read("little.png"), 0, 64);
        assertThat(little).isLessThan(20);
        assertThat(difference(given, read("all.png"), 0, 64)).isGreaterThan(1.5 * little);

        Map<String, String> text = PngFiles.readText(folder.resolve("little.png"));
        assertThat(text)
                .containsEntry("strength", "0.2")
                .containsEntry("image_sha256", Hashes.sha256Hex(Files.readAllBytes(picture)))
                .doesNotContainKey("mask_sha256");
        assertThat(text.get("parameters")).endsWith(", Denoising strength: 0.2");
    }

    /** Of 25 steps at a strength of 0.6 there are 15 to do; Heun's predict twice. */
    @Test
    void stepsAreCountedOfThoseThatAreDone() {
        GenerateSettings usual = GenerateSettings.defaults();
        Source begin = Source.read(picture, Optional.empty(), 0.6);
        assertThat(steps(BASE, usual.withSource(begin)))
                .startsWith("step 0 of 15", "step 1 of 15")
                .endsWith("step 14 of 15", "step 15 of 15")
                .hasSize(16);
        GenerateSettings heun =
                new GenerateSettings(5, 1, "", Optional.of(Sampler.HEUN), usual.size(), 16);
        for (GenerateSettings s : List.of(heun, heun.withSource(begin))) {
            String all = " of " + (s.source().isPresent() ? 3 : 5);
            assertThat(steps(TinyModels.sd15(), s))
                    .startsWith("step 0" + all)
                    .endsWith("step " + all.substring(4) + all)
                    .allMatch(step -> step.endsWith(all));
        }
    }

    private static List<String> steps(Path model, GenerateSettings settings) {
        List<String> said = new ArrayList<>();
        Progress progress =
                new Progress() {
                    @Override
                    public void start(String task, long total, String unit) {}

                    @Override
                    public void advance(long units) {}

                    @Override
                    public void message(String note) {
                        said.add(note);
                    }

                    @Override
                    public void close() {}
                };
        try (Generator generator = Generator.open(model, settings)) {
            generator.pictures(List.of("noto red apple"), List.of(0L), progress);
        }
        return said;
    }

    @Test
    void whatTheMaskLeavesOutStays() throws IOException {
        Path mask = folder.resolve("mask.png");
        write(mask, 64, 48, (x, y) -> x >= 32 ? -1 : 0);
        draw("half.png", "--image", picture, "--mask", mask, "--seeds", "3").ok();
        RgbImage given = read("square.png");
        RgbImage half = read("half.png");
        double kept = difference(given, half, 0, 28);
        assertThat(kept).isLessThan(12);
        assertThat(difference(given, half, 36, 64)).isGreaterThan(2 * kept);
        assertThat(PngFiles.readText(folder.resolve("half.png")))
                .containsEntry("strength", "1.0")
                .containsKey("mask_sha256");

        // diffusers takes a mask's grey and drops its transparency.
        Path clear = folder.resolve("clear.png");
        BufferedImage rgba = new BufferedImage(64, 48, BufferedImage.TYPE_INT_ARGB);
        for (int i = 0; i < 64 * 48; i++) {
            rgba.setRGB(i % 64, i / 64, i % 64 >= 32 ? -1 : 0);
        }
        ImageIO.write(rgba, "png", clear.toFile());
        draw("clear-half.png", "--image", picture, "--mask", clear, "--seeds", "3").ok();
        assertThat(read("clear-half.png").pixels()).isEqualTo(half.pixels());

        write(mask, 64, 48, (x, y) -> x == 0 && y == 0 ? 0x7F7F7F : 0);
        Run black = draw("black.png", "--image", picture, "--mask", mask, "--seeds", "-1").ok();
        assertThat(black.err())
                .contains("--mask is black, so nothing is painted")
                .contains("Seed -1, which other programs take as a random one");
        assertThat(difference(given, read("black.png"), 0, 64)).isLessThan(12);
        write(mask, 64, 48, (x, y) -> x == 0 && y == 0 ? 0x808080 : 0);
        Run grey = draw("grey.png", "--image", picture, "--mask", mask, "--seeds", "3").ok();
        assertThat(grey.err()).doesNotContain("black").doesNotContain("Seed -1");
    }

    @Test
    void aSizeOfOnesOwnResizesThePicture() throws IOException {
        draw("large.png", "--image", picture, "--size", 80, "--strength", 0.3).ok();
        assertThat(read("large.png").width()).isEqualTo(80);
        assertThat(read("large.png").height()).isEqualTo(80);
    }

    @Test
    void whatDoesNotFitIsSaid() throws IOException {
        assertThat(refused("--mask", picture)).contains("--image");
        assertThat(refused("--strength", 0.5)).contains("--image");
        assertThat(refused("--image", folder.resolve("none.png"))).contains("none.png");
        Path text = Files.writeString(folder.resolve("text.png"), "no picture");
        assertThat(refused("--image", text)).contains("text.png");
        Path mask = folder.resolve("mask.png");
        write(mask, 64, 64, (x, y) -> -1);
        assertThat(refused("--image", picture, "--mask", mask))
                .contains("mask.png", "64x64", "64x48");
        assertThat(refused("--image", picture, "--strength", 0.05)).contains("leaves none", "0.1");
        assertThat(refused("--image", picture, "--strength", 2)).contains("--strength");
        Path tiny = folder.resolve("tiny.png");
        write(tiny, 8, 64, (x, y) -> -1);
        assertThat(refused("--image", tiny)).contains("8x64", "--size");
    }

    private String refused(Object... more) {
        Run run = draw("refused.png", more);
        assertThat(run.status()).isNotZero();
        assertThat(run.err().strip().lines().limit(2)).first().asString().startsWith("soup");
        assertThat(folder.resolve("refused.png")).doesNotExist();
        return run.err();
    }
}
