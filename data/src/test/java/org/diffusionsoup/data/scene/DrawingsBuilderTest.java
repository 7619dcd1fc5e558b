package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.artwork.EmojiPackages;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DrawingsBuilderTest {
    @TempDir Path dir;
    private EmojiPackages packages;
    private OpenClipart clipArt;

    @BeforeEach
    void sources() throws IOException {
        packages = new EmojiPackages(FakeSources.packages(dir.resolve("node_modules")));
        clipArt = FakeSources.clipArt(dir.resolve("svg"));
    }

    private Drawings build(String out) {
        return DrawingsBuilder.build(packages, clipArt, dir.resolve(out), ProgressListener.NONE);
    }

    @Test
    void everySetAndTheClipArtGiveTheirDrawings() {
        Drawings drawings = build("d");
        assertThat(drawings.all())
                .extracting(Drawing::key)
                .isSorted()
                .containsExactlyInAnyOrder(
                        "fluent_hammer",
                        "fluent_lemon",
                        "lineart_hammer",
                        "lineart_lemon",
                        "noto_hammer",
                        "noto_lemon",
                        "noto_octopus",
                        "openclipart_hammer_tools-hammer-1",
                        "openmoji_hammer",
                        "openmoji_lemon",
                        "twemoji_hammer",
                        "twemoji_lemon");
        assertThat(drawings.of("hammer"))
                .extracting(Drawing::style)
                .containsExactly("flat", "line art", "shaded", "clip art", "outlined", "simple");
        assertThat(drawings.of("octopus")).extracting(Drawing::provider).containsExactly("noto");
        assertThat(drawings.of("unicorn")).isEmpty();
        Drawing noto = drawings.of("lemon").get(2);
        assertThat(noto.licence()).isEqualTo("Apache-2.0");
        assertThat(noto.artist()).contains("Noto Emoji");
        assertThat(noto.title()).isEqualTo("lemon");
        assertThat(noto.source()).isEqualTo("@iconify-json/noto 0.0.1, U+1F34B");
        Drawing clip = drawings.of("hammer").get(3);
        assertThat(clip.artist()).isEqualTo("Jo Böll");
        assertThat(clip.title()).isEqualTo("A hammer");
        assertThat(clip.licence()).isEqualTo("public-domain");
        assertThat(clip.source()).endsWith("svg/tools/Hammer 1.svg");
    }

    @Test
    void aDrawingFillsItsLongerSideAndIsCentred() {
        ArgbImage lemon = build("d").of("lemon").get(2).image();
        // Three times as wide as high: 96 by 32, so rows 32 to 63.
        for (int y = 0; y < 96; y++) {
            for (int x = 0; x < 96; x++) {
                int pixel = lemon.argb()[96 * y + x];
                boolean inside = y >= 32 && y < 64;
                // Edges are right to a tenth of a pixel.
                assertThat(pixel >>> 24)
                        .as("%d, %d", x, y)
                        .isBetween(inside ? 223 : 0, inside ? 255 : 32);
                assertThat(pixel & 0xffffff).isIn(0, 0xffd000);
            }
        }
        assertThat(lemon.over(0x102030).channel(5, 5, 2)).isEqualTo(0x30);
        assertThat(lemon.over(0x102030).channel(5, 40, 1)).isEqualTo(0xd0);
    }

    @Test
    void twoBuildsGiveTheSameBytesAndASecondReplacesTheFirst() throws IOException {
        Drawings first = build("a");
        build("b");
        build("b");
        List<Path> files = new ArrayList<>();
        try (var listed = Files.list(dir.resolve("a"))) {
            listed.forEach(files::add);
        }
        assertThat(files).as("with the list of what was written").hasSize(13);
        for (Path file : files) {
            assertThat(dir.resolve("b").resolve(file.getFileName())).hasSameBinaryContentAs(file);
        }
        assertThat(Drawings.load(dir.resolve("b")).sha256()).isEqualTo(first.sha256());
    }

    @Test
    void theAttributionNamesEveryoneWhoDrew() throws IOException {
        build("d");
        assertThat(dir.resolve("d/ATTRIBUTION.md"))
                .content()
                .contains("noto.tar", "`openmoji` 0.0.2", "CC BY 4.0", "public domain")
                .contains("| hammer | A hammer | Jo Böll | svg/tools/Hammer 1.svg |");
        assertThat(dir.resolve("d/LICENSE-openclipart-public-domain.txt"))
                .content()
                .contains("Public Domain Dedication");
        assertThat(dir.resolve("d/LICENSE-openmoji-lineart-CC-BY-SA-4.0.txt"))
                .hasContent("share alike");
    }

    @Test
    void otherFoldersAreNotReplaced() throws IOException {
        Path mine = Files.createDirectories(dir.resolve("mine"));
        Files.writeString(mine.resolve("letter.txt"), "dear");
        assertThatThrownBy(() -> build("mine")).isInstanceOf(SoupException.class);
        assertThat(mine.resolve("letter.txt")).hasContent("dear");
        assertThat(mine).isDirectoryNotContaining("glob:**.tar");
    }

    @Test
    void clipArtThatIsMissingOrAnotherIsNamed() throws IOException {
        Path file = dir.resolve("svg").resolve(FakeSources.HAMMER_CLIP_ART);
        Files.writeString(file, FakeSources.svg(""));
        assertThatThrownBy(() -> build("d"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Hammer 1.svg is not the file")
                .hasMessageContaining("sha256 differs");
        Files.delete(file);
        assertThatThrownBy(clipArt::check)
                .hasMessageContaining("Hammer 1.svg does not exist; install the Debian package");
        assertThat(dir.resolve("d")).doesNotExist();
    }

    @Test
    void twoChoicesOfOneKeyAreRefusedBeforeAnythingIsWritten() {
        OpenClipart.Choice one = clipArt.chosen().getFirst();
        clipArt = new OpenClipart(clipArt.folder(), List.of(one, one));
        assertThatThrownBy(() -> build("d"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("two drawings would have the key openclipart_hammer_tools");
        assertThat(dir.resolve("d")).doesNotExist();
    }

    @Test
    void packagesThatDrewNoSubjectAreRefused() throws IOException {
        for (String set : List.of("noto", "fluent-emoji-flat", "twemoji")) {
            Files.writeString(
                    dir.resolve("node_modules/@iconify-json").resolve(set).resolve("chars.json"),
                    "{}");
        }
        for (String colour : List.of("color", "black")) {
            Path svg = dir.resolve("node_modules/openmoji").resolve(colour).resolve("svg");
            Files.delete(svg.resolve("1F528.svg"));
            Files.delete(svg.resolve("1F34B.svg"));
        }
        clipArt = new OpenClipart(clipArt.folder(), List.of());
        assertThatThrownBy(() -> build("d"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("node_modules holds no drawing of any of the subjects");
    }
}
