package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.artwork.EmojiPackages;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder of drawings that lost something is refused in one sentence. */
class DrawingsTest {
    @TempDir Path dir;
    private Path folder;
    private Path index;
    private Path tar;

    @BeforeEach
    void build() throws IOException {
        folder = dir.resolve("drawings");
        DrawingsBuilder.build(
                new EmojiPackages(FakeSources.packages(dir.resolve("node_modules"))),
                FakeSources.clipArt(dir.resolve("svg")),
                folder,
                ProgressListener.NONE);
        index = folder.resolve(Drawings.INDEX);
        tar = folder.resolve("noto.tar");
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> Drawings.load(folder))
                .isInstanceOf(SoupException.class)
                .message()
                .doesNotContain("\n")
                .contains(parts);
    }

    private void edit(Path file, String from, String to) throws IOException {
        String text = Files.readString(file);
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
    }

    /** Writes the index again for the tar as it is, as one would who means to hide a change. */
    private void blessTar(String before) throws IOException {
        edit(index, before, Hashes.sha256(tar));
    }

    @Test
    void aFolderWithoutIndexIsNoFolderOfDrawings() throws IOException {
        Files.delete(index);
        refused("is not a folder of drawings: it holds no drawings.json");
    }

    @Test
    void anIndexOfAnotherKindIsRefused() throws IOException {
        edit(index, "diffusion-soup-drawings/1", "diffusion-soup-drawings/9");
        refused("format \"diffusion-soup-drawings/9\"", "reads \"diffusion-soup-drawings/1\"");
        Files.writeString(index, "{");
        refused("drawings.json is not valid JSON");
        Files.writeString(index, "{\"format\": \"diffusion-soup-drawings/1\"}");
        refused("lists no drawings");
    }

    @Test
    void aMissingTarIsNamed() throws IOException {
        Files.delete(tar);
        refused("noto.tar is missing", "soup data build-drawings");
    }

    @Test
    void everyChangedByteOfATarIsNoticed() throws IOException {
        byte[] whole = Files.readAllBytes(tar);
        for (int at = 0; at < whole.length; at += 997) {
            byte[] changed = whole.clone();
            changed[at] ^= 0x10;
            Files.write(tar, changed);
            refused("noto.tar is damaged", "sha256 differs");
        }
    }

    @Test
    void aPictureThatIsNotTheOneStatedIsNamed() throws IOException {
        byte[] bytes = Files.readAllBytes(tar);
        String before = Hashes.sha256(tar);
        // The first picture follows its .json and two headers.
        int png = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("IDAT");
        bytes[png + 10] ^= 1;
        Files.write(tar, bytes);
        blessTar(before);
        refused("drawing noto_hammer of", "is damaged", "picture's sha256");
    }

    @Test
    void aRowThatSaysSomethingElseIsNoticed() throws IOException {
        byte[] bytes = Files.readAllBytes(tar);
        String before = Hashes.sha256(tar);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int style = text.indexOf("\"shaded\"");
        bytes[style + 1] = 'S';
        Files.write(tar, bytes);
        blessTar(before);
        refused("drawings.json is damaged", "do not have the sha256");
    }
}
