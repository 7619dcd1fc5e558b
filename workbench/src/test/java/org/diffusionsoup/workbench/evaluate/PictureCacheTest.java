package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.generate.Generator;
import org.diffusionsoup.workbench.generate.PictureSize;
import org.diffusionsoup.workbench.generate.Sampler;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureCacheTest {
    private static final GenerateSettings SETTINGS =
            new GenerateSettings(
                    2, 1, "", Optional.of(Sampler.DDIM), Optional.of(PictureSize.square(16)), 2);
    private static final String HASH = "a".repeat(64);

    private static Generator generator;

    @TempDir private Path dir;
    private final List<String> notes = new ArrayList<>();
    private final List<Integer> drawn = new ArrayList<>();

    @BeforeAll
    static void open() {
        generator = Generator.open(TinyModels.sd15(), SETTINGS);
    }

    @AfterAll
    static void close() {
        generator.close();
    }

    private PictureCache cache() {
        return new PictureCache(dir, notes::add);
    }

    private List<RgbImage> draw(List<String> prompts, List<Long> seeds) {
        drawn.clear();
        return cache().draw(
                        HASH, generator, prompts, seeds, SETTINGS, drawn::add, Progress.silent());
    }

    @Test
    void everythingThatDecidesPixelsDecidesTheFile() {
        PictureCache cache = cache();
        List<Path> files = new ArrayList<>();
        files.add(cache.file(HASH, "p", 1, SETTINGS));
        files.add(cache.file("b".repeat(64), "p", 1, SETTINGS));
        files.add(cache.file(HASH, "q", 1, SETTINGS));
        files.add(cache.file(HASH, "p\nq", 1, SETTINGS));
        files.add(cache.file(HASH, "p", 2, SETTINGS));
        files.add(cache.file(HASH, "p", 1, SETTINGS.withSteps(3)));
        Optional<Sampler> ddim = SETTINGS.sampler();
        Optional<PictureSize> small = SETTINGS.size();
        files.add(cache.file(HASH, "p", 1, new GenerateSettings(2, 2, "", ddim, small, 2)));
        files.add(cache.file(HASH, "p", 1, new GenerateSettings(2, 1, "n", ddim, small, 2)));
        files.add(
                cache.file(
                        HASH, "p", 1, new GenerateSettings(2, 1, "", Optional.empty(), small, 2)));
        files.add(
                cache.file(
                        HASH, "p", 1, new GenerateSettings(2, 1, "", ddim, Optional.empty(), 2)));
        files.add(cache.file(HASH, "p", 1, SETTINGS.withWeights(WeightFormat.F16)));
        files.add(cache.file(HASH, "p", 1, SETTINGS.withWeights(WeightFormat.BF16)));
        assertThat(files).doesNotHaveDuplicates();
        assertThat(cache.file(HASH, "p", 1, new GenerateSettings(2, 1, "", ddim, small, 7)))
                .as("the batch is not of it")
                .isEqualTo(files.getFirst());
    }

    /** A negative prompt's end must not pass for the prompt's beginning. */
    @Test
    void textsThatRunTogetherAreToldApart() {
        Random random = new Random(5);
        Set<Path> files = new HashSet<>();
        Set<List<String>> given = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            List<String> texts = new ArrayList<>();
            for (int t = 0; t < 2; t++) {
                StringBuilder text = new StringBuilder();
                for (int c = random.nextInt(4); c > 0; c--) {
                    text.append("\n1:a".charAt(random.nextInt(4)));
                }
                texts.add(text.toString());
            }
            given.add(texts);
            files.add(
                    cache().file(
                                    HASH,
                                    texts.get(0),
                                    1,
                                    new GenerateSettings(
                                            2,
                                            1,
                                            texts.get(1),
                                            SETTINGS.sampler(),
                                            SETTINGS.size(),
                                            2)));
        }
        assertThat(files).hasSameSizeAs(given);
    }

    @Test
    void onlyMissingPicturesAreDrawnAndOrderIsThePrompts() {
        List<RgbImage> ab = draw(List.of("a", "b"), List.of(1L, 2L));
        assertThat(drawn).containsExactly(2);
        List<RgbImage> more = draw(List.of("b", "c", "a", "c", "d"), List.of(2L, 1L, 1L, 2L, 1L));
        assertThat(drawn).as("batches of two").containsExactly(2, 1);
        assertThat(more.get(0)).isEqualTo(ab.get(1));
        assertThat(more.get(2)).isEqualTo(ab.get(0));
        assertThat(more).doesNotHaveDuplicates();
        assertThat(draw(List.of("d", "a"), List.of(1L, 1L)))
                .containsExactly(more.get(4), ab.get(0));
        assertThat(drawn).isEmpty();
        assertThat(notes).isEmpty();
    }

    @Test
    void keptPicturesAreTheGenerators() {
        RgbImage alone =
                generator.pictures(List.of("a"), List.of(5L), Progress.silent()).getFirst();
        assertThat(draw(List.of("a"), List.of(5L))).containsExactly(alone);
    }

    @Test
    void aPictureUnderAnothersNameIsDrawnAnew() throws IOException {
        List<RgbImage> ab = draw(List.of("a", "b"), List.of(1L, 1L));
        Path a = cache().file(HASH, "a", 1, SETTINGS);
        Files.copy(
                cache().file(HASH, "b", 1, SETTINGS),
                a,
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(draw(List.of("a"), List.of(1L))).containsExactly(ab.getFirst());
        assertThat(notes)
                .containsExactly(
                        "The cached picture " + a + " is not what was drawn; it is drawn anew.");
    }

    @Test
    void anyByteThatIsNotAsItWasIsSeen() throws IOException {
        RgbImage drawn = draw(List.of("a"), List.of(1L)).getFirst();
        Path file = cache().file(HASH, "a", 1, SETTINGS);
        byte[] whole = Files.readAllBytes(file);
        Random random = new Random(1);
        int seal = whole.length - 100; // the checksum's chunk, and the end's of 12 bytes
        for (int i = 0; i < 100; i++) {
            byte[] damaged = whole.clone();
            int at = random.nextInt(whole.length);
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, damaged);
            boolean taken = cache().has(file, "a", 1, SETTINGS);
            if (at < seal) {
                assertThat(taken).as("byte %d", at).isFalse();
            } else if (taken) {
                // Without its keyword it is a whole picture of an earlier version.
                assertThat(PictureCache.read(file)).isEqualTo(drawn);
            }
        }
        Files.write(file, java.util.Arrays.copyOf(whole, whole.length - 1));
        assertThat(cache().has(file, "a", 1, SETTINGS)).isFalse();
        Files.write(file, whole);
        assertThat(cache().has(file, "a", 1, SETTINGS)).isTrue();
    }

    /** Earlier versions wrote no checksum; what they drew with the same settings is taken over. */
    @Test
    void aPictureOfAnEarlierVersionIsSealedIfItsSettingsAreTheSame() throws IOException {
        Path file = cache().file(HASH, "a", 1, SETTINGS);
        Files.createDirectories(file.getParent());
        RgbImage picture = TinyModels.noise(16, 1);
        byte[] old = PngCodec.encode(picture, generator.metadata("a", 1).toText());
        Files.write(file, old);
        assertThat(cache().has(file, "a", 2, SETTINGS)).isFalse();
        assertThat(cache().has(file, "b", 1, SETTINGS)).isFalse();
        assertThat(cache().has(file, "a", 1, SETTINGS.withSteps(3))).isFalse();
        assertThat(Files.readAllBytes(file)).isEqualTo(old);
        assertThat(cache().has(file, "a", 1, SETTINGS)).isTrue();
        assertThat(Files.readAllBytes(file)).hasSizeGreaterThan(old.length);
        assertThat(PictureCache.read(file)).isEqualTo(picture);
        assertThat(cache().has(file, "a", 2, SETTINGS)).as("now its name says it all").isTrue();
    }

    @Test
    void damageFoundWhileReadingNamesTheFile() throws IOException {
        Path file = Files.writeString(dir.resolve("x.png"), "no picture");
        assertThatThrownBy(() -> PictureCache.read(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("the cached picture " + file);
    }
}
